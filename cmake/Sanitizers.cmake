# Sanitizers apply to every target, so that no object is left without.
if(FLYBALL_SANITIZE)
  add_compile_options(-fsanitize=${FLYBALL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLYBALL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code has many more false positives.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
else()
  # Cheap bounds checks of the standard library. (The sanitizers see more.)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
