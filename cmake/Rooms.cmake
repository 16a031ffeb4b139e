# flyball_room(NAME [USES room...] [LINKS target...])
#
# A room is a directory src/NAME with its public headers in include/flyball/NAME, built as the static library
# flyball_NAME (alias flyball::NAME). USES names the earlier rooms it may use; LINKS names libraries from outside,
# linked privately. A room without sources yet is an interface library, so that others can name it already.
# tests/hygiene/rooms.sh checks that the #includes keep to the same order.
# What nearly every file includes, compiled once: it saves a third of a build. Not in the debug build, so that a file that
# lacks an include is found out.
option(FLYBALL_PRECOMPILE "Precompile common headers" OFF)
set(FLYBALL_COMMON_HEADERS
  <algorithm> <array> <cstdint> <expected> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <utility> <vector> <fmt/format.h>)

function(flyball_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;LINKS")
  set(target "flyball_${name}")

  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
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
  if(FLYBALL_PRECOMPILE AND sources)
    target_precompile_headers(${target} PRIVATE ${FLYBALL_COMMON_HEADERS})
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
