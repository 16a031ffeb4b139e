# flyball_room(NAME [USES room...] [LINKS target...] [COLD])
#
# A room is a directory src/NAME with its public headers in include/flyball/NAME, built as the static library
# flyball_NAME (alias flyball::NAME). USES names the earlier rooms it may use; LINKS names libraries from outside,
# linked privately. A room without sources yet is an interface library, so that others can name it already.
# COLD: what it does is done once a run, and is compiled with less optimisation.
# tests/hygiene/rooms.sh checks that the #includes keep to the same order.

# What nearly every file includes, compiled once: it saves a third of a build. Not in the debug build, so that a file that
# lacks an include is found out.
option(FLYBALL_PRECOMPILE "Precompile common headers" OFF)
set(FLYBALL_COMMON_HEADERS
  <algorithm> <array> <cstdint> <expected> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <utility> <vector> <fmt/format.h>)

# Sources are compiled several at a time: most of their time is for what they all include. Not in the debug build either,
# and a change of one compiles its neighbours again.
option(FLYBALL_UNITY "Compile several sources as one" OFF)
function(flyball_unity target)
  if(NOT FLYBALL_UNITY)
    return()
  endif()
  # 16: those of cli that need CLI11 are together.
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A State has members whose types are in an anonymous namespace: right in a source, and this is none's header.
    # GCC takes only the file of all for a source.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# Rooms whose tests play thousands of runs through: only they are optimised where sanitizers are built in. With all
# but the cold ones optimised the build took 1.2 times as long; with none, tests of these up to 14 times.
set(FLYBALL_STATISTICAL compare stats tune)

function(flyball_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "COLD" "" "USES;LINKS")
  set(target "flyball_${name}")

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/flyball/${name}/*.hpp")

  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(${target} PRIVATE flyball::warnings ${arg_LINKS})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(flyball::${name} ALIAS ${target})
  if(sources)
    flyball_unity(${target})
    if(arg_COLD)
      target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
    elseif(FLYBALL_SANITIZE AND name IN_LIST FLYBALL_STATISTICAL)
      target_compile_options(${target} PRIVATE -O1)
    endif()
  endif()
  if(FLYBALL_PRECOMPILE AND sources)
    # Rooms with the same flags share it: the first makes it.
    set(kind hot)
    set(precompiled ${FLYBALL_COMMON_HEADERS})
    if(arg_COLD)
      set(kind cold)
      list(APPEND precompiled <nlohmann/json.hpp>)
    elseif(FLYBALL_SANITIZE AND name IN_LIST FLYBALL_STATISTICAL)
      set(kind statistical)
    endif()
    get_property(owner GLOBAL PROPERTY FLYBALL_PRECOMPILED_BY_${kind})
    if(owner)
      target_precompile_headers(${target} REUSE_FROM ${owner})
    else()
      target_precompile_headers(${target} PRIVATE ${precompiled})
      set_property(GLOBAL PROPERTY FLYBALL_PRECOMPILED_BY_${kind} ${target})
    endif()
  endif()

  target_include_directories(${target} ${scope}
    "${PROJECT_SOURCE_DIR}/include" "${FLYBALL_GENERATED_INCLUDE_DIR}")
  target_compile_features(${target} ${scope} cxx_std_23)
  foreach(used IN LISTS arg_USES)
    if(NOT TARGET flyball::${used})
      message(FATAL_ERROR "room ${name} uses ${used}, which is no earlier room")
    endif()
    target_link_libraries(${target} ${scope} flyball::${used})
  endforeach()

  # `cmake --build ... --target all_verify_interface_header_sets` compiles each public header alone.
  if(headers)
    target_sources(${target} ${scope}
      FILE_SET public_headers TYPE HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${headers})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY FLYBALL_ROOMS ${name})
endfunction()
