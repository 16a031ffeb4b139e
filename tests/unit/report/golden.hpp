// SPDX-License-Identifier: Apache-2.0
// Texts against the files in tests/golden.
#pragma once

#include "support/catch.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace flyball::test {

// UPDATE_GOLDEN=1 rewrites the file; look at the diff before keeping it.
inline void check_golden(const std::string& name, const std::string& text)
{
    const std::string path = std::string(FLYBALL_SOURCE_DIR) + "/tests/golden/" + name;
    if (const char* update = std::getenv("UPDATE_GOLDEN"); update != nullptr && *update == '1')
        std::ofstream(path, std::ios::binary) << text;
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream have;
    have << file.rdbuf();
    INFO(path);
    CHECK((have.str() == text));  // not expanded: two reports are a long message
}

}  // namespace flyball::test
