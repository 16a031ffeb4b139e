#include "support/catch.hpp"
#include <flyball/base/version.hpp>

#include <string>

TEST_CASE("the version string is made of the version's numbers", "[base]")
{
    const auto expected = std::to_string(flyball::kVersionMajor) + "." + std::to_string(flyball::kVersionMinor) + "." +
                          std::to_string(flyball::kVersionPatch);
    CHECK(flyball::kVersion == expected);
}
