# What flyball links, all of it from the distribution. `tools/setup` installs it.
find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
# Debian has fmt as a shared library only, of another name in each release: linked to it, a package installs on one of them. What
# the library holds is compiled from fmt's headers instead, once: with fmt::fmt-header-only every source file would.
add_library(flyball_fmt STATIC "${PROJECT_SOURCE_DIR}/cmake/fmt.cpp")
add_library(flyball::fmt ALIAS flyball_fmt)
target_include_directories(flyball_fmt SYSTEM PUBLIC $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)
target_compile_features(flyball_fmt PUBLIC cxx_std_23)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libbpf REQUIRED IMPORTED_TARGET libbpf>=1.1)
pkg_check_modules(libelf REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET libzstd)
