// The main of every test binary. Its last line is `N passed, N failed, N skipped`, in test cases. It fails if a test
// case failed, made no assertion, or if none ran.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#define FB_CATCH3 1
#else
#define FB_CATCH3 0
#endif

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Outcome {
    int passed = 0;
    std::vector<std::string> failed;
    std::vector<std::pair<std::string, std::string>> skipped;  // name, reason
    std::string skip_reason;                                   // of the running case, if it skipped
    bool case_skipped = false;
};

Outcome& outcome()
{
    static Outcome instance;
    return instance;
}

#if FB_CATCH3
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif

class OutcomeListener : public ListenerBase {
public:
    using ListenerBase::ListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo&) override
    {
        outcome().case_skipped = false;
        outcome().skip_reason.clear();
    }

    void testCaseEnded(const Catch::TestCaseStats& stats) override
    {
        auto& result = outcome();
#if FB_CATCH3
        const std::string& name = stats.testInfo->name;
#else
        const std::string& name = stats.testInfo.name;
#endif
        if (stats.totals.testCases.failed > 0) {
            result.failed.push_back(name);
        } else if (result.case_skipped) {
            result.skipped.emplace_back(name, result.skip_reason);
        } else {
            ++result.passed;
        }
    }
};

CATCH_REGISTER_LISTENER(OutcomeListener)

bool only_asks(const Catch::ConfigData& config)
{
#if FB_CATCH3
    const bool newer = config.listListeners;
#else
    const bool newer = config.listTestNamesOnly;
#endif
    return newer || config.showHelp || config.libIdentify || config.listTests || config.listTags ||
           config.listReporters;
}

}  // namespace

namespace flyball::test {

void skip(std::string_view reason)
{
    outcome().case_skipped = true;
    outcome().skip_reason = std::string(reason);
#if FB_CATCH3
    SKIP(std::string(reason));
    throw;  // not reached: SKIP throws
#else
    // The assertion keeps the case from counting as empty; the exception ends it without failing it.
    SUCCEED("skipped: " << reason);
    throw Catch::TestFailureException();
#endif
}

}  // namespace flyball::test

int main(int argc, char** argv)
{
    Catch::Session session;
    session.configData().warnings = Catch::WarnAbout::NoAssertions;
    if (const int status = session.applyCommandLine(argc, argv); status != 0) {
        return status;
    }
    if (only_asks(session.configData())) {
        session.run();  // Catch2 v2 returns how many it listed
        return 0;
    }
    const int status = session.run();

    const auto& result = outcome();
    for (const auto& [name, reason] : result.skipped) {
        std::printf("skipped: %s: %s\n", name.c_str(), reason.c_str());
    }
    // tools/test runs these again when nothing else runs.
    for (const std::string& name : result.failed) {
        std::printf("failed: %s\n", name.c_str());
    }
    const auto ran = static_cast<std::size_t>(result.passed) + result.failed.size() + result.skipped.size();
    if (ran == 0) {
        std::printf("no test case ran\n");
    }
    std::printf("%d passed, %zu failed, %zu skipped\n", result.passed, result.failed.size(), result.skipped.size());
    std::fflush(stdout);

    const bool all_skipped = ran > 0 && ran == result.skipped.size();  // Catch2 v3 calls that a failure
    if (ran == 0 || !result.failed.empty()) {
        return 1;
    }
    return all_skipped || status == 0 ? 0 : 1;
}
