# <flyball/base/version.hpp>, from the version in project().
set(FLYBALL_GENERATED_INCLUDE_DIR "${PROJECT_BINARY_DIR}/generated")
configure_file("${PROJECT_SOURCE_DIR}/cmake/version.hpp.in"
  "${FLYBALL_GENERATED_INCLUDE_DIR}/flyball/base/version.hpp" @ONLY)

# flyball::commit: the commit, for `flyball --version`. It is asked for at each build and linked to the program only, so that a
# new commit compiles one small file and relinks one program.
set(commit_source "${FLYBALL_GENERATED_INCLUDE_DIR}/commit.cpp")
add_custom_target(flyball_commit_source
  COMMAND "${CMAKE_COMMAND}" "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DOUTPUT=${commit_source}"
          -P "${PROJECT_SOURCE_DIR}/cmake/Commit.cmake"
  BYPRODUCTS "${commit_source}"
  COMMENT "Asking git for the commit"
  VERBATIM)
add_library(flyball_commit STATIC "${commit_source}")
add_library(flyball::commit ALIAS flyball_commit)
add_dependencies(flyball_commit flyball_commit_source)
target_include_directories(flyball_commit PRIVATE "${PROJECT_SOURCE_DIR}/src/cli")
