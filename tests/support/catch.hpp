// The one header tests include: Catch2 v2.13 or v3, whichever the distribution has, and FB_SKIP.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
using Catch::Approx;  // as v2 has it
#else
#include <catch2/catch.hpp>
#endif

#include <string_view>

namespace flyball::test {

#if __has_include(<catch2/catch_all.hpp>)
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
using Catch::Detail::Approx;
// Catch2's own name of it.
inline auto ContainsSubstring(const std::string& text,  // NOLINT(readability-identifier-naming)
                              Catch::CaseSensitive::Choice sensitivity = Catch::CaseSensitive::Yes)
{
    return Catch::Matchers::Contains(text, sensitivity);
}
#endif

// Ends the running test case as skipped, from any depth of calls. What it checked before still counts: a case with a
// failed check has failed, whatever it skips afterwards.
[[noreturn]] void skip(std::string_view reason);

}  // namespace flyball::test

// Catch2 v2 knows no SKIP. The reason should name what is missing: FB_SKIP("needs root").
#define FB_SKIP(reason) ::flyball::test::skip(reason)
