# flyball_bpf_object(NAME SOURCE file ARCH x86_64|arm64 OUTPUT var): compiles one BPF translation unit.
# flyball_bpf_skeleton(NAME SOURCE file): compiles it for this machine and makes the target flyball::skel_NAME, which
# gives #include <NAME.skel.h>. The target flyball_skeletons makes all of them, and nothing else.

# --- the compiler -----------------------------------------------------------------------------------------------------
if(FLYBALL_BPF_CLANG)
  set(candidates "${FLYBALL_BPF_CLANG}")
else()
  set(candidates clang-19 clang-16 clang-15 clang-14 clang)
endif()
find_program(FLYBALL_BPF_CLANG_EXECUTABLE NAMES ${candidates} NO_CACHE)
if(NOT FLYBALL_BPF_CLANG_EXECUTABLE)
  list(JOIN candidates " " candidates)
  message(FATAL_ERROR "No clang to compile bpf/ with (looked for: ${candidates}). "
    "Run tools/setup, or name one: -DFLYBALL_BPF_CLANG=/path/to/clang")
endif()
execute_process(
  COMMAND "${FLYBALL_BPF_CLANG_EXECUTABLE}" -target bpf -mcpu=v3 -dM -E -x c /dev/null
  OUTPUT_VARIABLE macros ERROR_VARIABLE errors RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT macros MATCHES "#define __clang_major__ ([0-9]+)")
  message(FATAL_ERROR "${FLYBALL_BPF_CLANG_EXECUTABLE} cannot compile for the BPF target: ${errors}")
endif()
if(CMAKE_MATCH_1 LESS 14)
  message(FATAL_ERROR "${FLYBALL_BPF_CLANG_EXECUTABLE} is clang ${CMAKE_MATCH_1}; bpf/ needs 14 or later")
endif()
message(STATUS "BPF compiler: ${FLYBALL_BPF_CLANG_EXECUTABLE} (clang ${CMAKE_MATCH_1})")

# --- bpftool: Debian puts it where a user's PATH does not go ----------------------------------------------------------
find_program(FLYBALL_BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin /sbin)
if(NOT FLYBALL_BPFTOOL)
  message(FATAL_ERROR "No bpftool, which makes the BPF skeletons. "
    "Run tools/setup, or name one: -DFLYBALL_BPFTOOL=/path/to/bpftool")
endif()

# --- the architecture -------------------------------------------------------------------------------------------------
set(FLYBALL_BPF_ARCHS x86_64 arm64)
set(bpf_target_arch_x86_64 x86)
set(bpf_target_arch_arm64 arm64)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(FLYBALL_BPF_ARCH x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(FLYBALL_BPF_ARCH arm64)
else()
  message(FATAL_ERROR "no vmlinux.h for ${CMAKE_SYSTEM_PROCESSOR}: have ${FLYBALL_BPF_ARCHS} (see vmlinux/README.md)")
endif()

function(flyball_bpf_object name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;ARCH;OUTPUT" "")
  set(dir "${CMAKE_CURRENT_BINARY_DIR}/${arg_ARCH}")
  set(object "${dir}/${name}.bpf.o")
  file(MAKE_DIRECTORY "${dir}")

  set(flags
    -target bpf -mcpu=v3 -g -O2 -D__TARGET_ARCH_${bpf_target_arch_${arg_ARCH}}
    -Wall -Wextra
    # BPF_PROG() names all arguments of a hook, used or not; bpf_core_enum_value() is unsigned, enums are not.
    -Wno-unused-parameter -Wno-sign-compare
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
    "-I${PROJECT_SOURCE_DIR}/include" "-I${PROJECT_SOURCE_DIR}/bpf"
    # vmlinux.h declares types that other warnings would accuse.
    -isystem "${PROJECT_SOURCE_DIR}/vmlinux/${arg_ARCH}")
  if(FLYBALL_WERROR)
    list(APPEND flags -Werror)
  endif()
  foreach(include_dir IN LISTS libbpf_INCLUDE_DIRS)
    list(APPEND flags -isystem "${include_dir}")
  endforeach()

  add_custom_command(
    OUTPUT "${object}"
    COMMAND "${FLYBALL_BPF_CLANG_EXECUTABLE}" ${flags} -MD -MF "${object}.d" -MT "${object}"
            -c "${arg_SOURCE}" -o "${object}"
    DEPENDS "${arg_SOURCE}" "${PROJECT_SOURCE_DIR}/vmlinux/${arg_ARCH}/vmlinux.h"
    DEPFILE "${object}.d"
    COMMENT "BPF ${name} for ${arg_ARCH}"
    VERBATIM)
  set(${arg_OUTPUT} "${object}" PARENT_SCOPE)
endfunction()

add_custom_target(flyball_skeletons)
function(flyball_bpf_skeleton name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE" "")
  flyball_bpf_object(${name} SOURCE "${arg_SOURCE}" ARCH ${FLYBALL_BPF_ARCH} OUTPUT object)

  set(dir "${CMAKE_CURRENT_BINARY_DIR}/skel")
  set(linked "${CMAKE_CURRENT_BINARY_DIR}/${name}.linked.o")
  set(skeleton "${dir}/${name}.skel.h")
  # _bpf: the namespace flyball must not meet a struct flyball
  string(MAKE_C_IDENTIFIER "${name}_bpf" identifier)
  file(MAKE_DIRECTORY "${dir}")
  add_custom_command(
    OUTPUT "${skeleton}"
    # bpftool writes to stdout: a failure must not leave a half-written header behind.
    COMMAND "${FLYBALL_BPFTOOL}" gen object "${linked}" "${object}"
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4.tmp\" && mv -f \"$4.tmp\" \"$4\"" sh
            "${FLYBALL_BPFTOOL}" "${linked}" "${identifier}" "${skeleton}"
    DEPENDS "${object}"
    COMMENT "BPF ${name}.skel.h"
    VERBATIM)

  add_custom_target(flyball_skel_${name}_header DEPENDS "${skeleton}")
  add_dependencies(flyball_skeletons flyball_skel_${name}_header)
  add_library(flyball_skel_${name} INTERFACE)
  add_library(flyball::skel_${name} ALIAS flyball_skel_${name})
  add_dependencies(flyball_skel_${name} flyball_skel_${name}_header)
  target_include_directories(flyball_skel_${name} SYSTEM INTERFACE "${dir}")
  set_property(GLOBAL APPEND PROPERTY FLYBALL_SKELETONS flyball::skel_${name})
endfunction()
