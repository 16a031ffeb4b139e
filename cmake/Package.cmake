# `cmake --install`, and `cpack` for a Debian package.

# Manual pages and the package's changelog are installed compressed, as distributions do it; -n: the same bytes from the same source.
find_program(FLYBALL_GZIP gzip)
set(compressed "")
# flyball_install_compressed(FILE DIRECTORY): without gzip it goes there as it is.
function(flyball_install_compressed file directory)
  cmake_path(GET file FILENAME name)
  if(NOT FLYBALL_GZIP)
    install(FILES "${file}" DESTINATION "${directory}")
    return()
  endif()
  set(output "${PROJECT_BINARY_DIR}/packaging/${name}.gz")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/packaging"
    COMMAND sh -c "\"$1\" -9nc \"$2\" > \"$3.tmp\" && mv -f \"$3.tmp\" \"$3\"" sh "${FLYBALL_GZIP}" "${file}" "${output}"
    DEPENDS "${file}"
    COMMENT "Compressing ${name}"
    VERBATIM)
  install(FILES "${output}" DESTINATION "${directory}")
  list(APPEND compressed "${output}")
  set(compressed "${compressed}" PARENT_SCOPE)
endfunction()

file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.[1-8]")
foreach(page IN LISTS pages)
  string(REGEX MATCH "[1-8]$" section "${page}")
  flyball_install_compressed("${page}" "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()
flyball_install_compressed("${PROJECT_SOURCE_DIR}/packaging/changelog" "${CMAKE_INSTALL_DOCDIR}")
# All that cpack packs: it builds nothing itself.
add_custom_target(flyball_package_files ALL DEPENDS ${compressed})
add_dependencies(flyball_package_files flyball flyball-workload)

install(FILES "${PROJECT_SOURCE_DIR}/packaging/lintian-overrides" DESTINATION "${CMAKE_INSTALL_DATADIR}/lintian/overrides"
  RENAME flyball)

# As in the source tree, so that the links between them hold.
install(FILES "${PROJECT_SOURCE_DIR}/packaging/copyright" "${PROJECT_SOURCE_DIR}/README.md"
  "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  FILES_MATCHING PATTERN "*.md" PATTERN "*.schema.json" PATTERN man EXCLUDE)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# Where `flyball oom test --lab` looks for it: src/cli/lab.cpp.
install(PROGRAMS "${PROJECT_SOURCE_DIR}/tools/lab" DESTINATION "${CMAKE_INSTALL_DATADIR}/flyball/tools")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/tools/lab.d" DESTINATION "${CMAKE_INSTALL_DATADIR}/flyball/tools" USE_SOURCE_PERMISSIONS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME flyball)
set(CPACK_PACKAGE_VENDOR flyball)
set(CPACK_PACKAGE_CONTACT "The flyball authors <flyball@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/PackageModes.cmake")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME flyball)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# For the lab: `tools/lab setup` installs the same.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "busybox-static, cpio, xz-utils")
# Below the summary, which CPack puts first.
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"flyball watches the kernel with CO-RE eBPF programs and tells for each
control group how long its tasks waited for a CPU or were held by a quota,
where memory stalled them, whom the OOM killer took, and how long block I/O
took. Every report compares its numbers with the kernel's own counters and
accounts for every event.")
include(CPack)
