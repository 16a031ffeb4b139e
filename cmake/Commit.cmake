# cmake -DSOURCE=dir -DOUTPUT=file -P Commit.cmake: writes the file that has the commit, if it is another one. No git, or a source
# tree that is no repository of its own: there is none to tell.
cmake_path(GET SOURCE PARENT_PATH ceiling)
set(ENV{GIT_CEILING_DIRECTORIES} "${ceiling}")
execute_process(
  # The builder may be another user than the tree's owner; builds side by side must not wait for the index.
  COMMAND git --no-optional-locks -c "safe.directory=${SOURCE}" describe --always --dirty --abbrev=8 --exclude=*
  WORKING_DIRECTORY "${SOURCE}"
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  set(commit "")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT [[
// Written by cmake/Commit.cmake.
#include "commit.hpp"

const char* flyball::cli::commit()
{
    return "@commit@";
}
]] @ONLY)
