# flyball::warnings: the warnings of flyball's own code. Link it PRIVATE.
add_library(flyball_warnings INTERFACE)
add_library(flyball::warnings ALIAS flyball_warnings)

target_compile_options(flyball_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  # Designated initialisers that leave members at their defaults are the house style.
  -Wno-missing-field-initializers)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 13 and later take a reference into a function's first argument for one into its second, a temporary name. (12 has no
  # such warning, and ignores a -Wno- that it does not know.)
  target_compile_options(flyball_warnings INTERFACE -Wno-dangling-reference)
endif()

if(FLYBALL_WERROR)
  target_compile_options(flyball_warnings INTERFACE -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # These come from value-range analysis after inlining and accuse libstdc++ wrongly in GCC 12 and 13.
    target_compile_options(flyball_warnings INTERFACE
      -Wno-error=array-bounds -Wno-error=maybe-uninitialized -Wno-error=restrict
      -Wno-error=stringop-overflow -Wno-error=stringop-overread)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(flyball_warnings INTERFACE
    # libbpf's LIBBPF_OPTS() is a GNU statement expression around a C99 compound literal.
    -Wno-gnu-statement-expression-from-macro-expansion -Wno-c99-extensions
    # std::stable_sort of libstdc++ calls std::get_temporary_buffer(), which C++17 deprecated.
    -Wno-deprecated-declarations)
endif()
