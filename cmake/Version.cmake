# <flyball/base/version.hpp>, from the version in project().
set(FLYBALL_GENERATED_INCLUDE_DIR "${PROJECT_BINARY_DIR}/generated")
configure_file("${PROJECT_SOURCE_DIR}/cmake/version.hpp.in"
  "${FLYBALL_GENERATED_INCLUDE_DIR}/flyball/base/version.hpp" @ONLY)
