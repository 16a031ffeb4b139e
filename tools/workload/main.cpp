// SPDX-License-Identifier: Apache-2.0
// flyball-workload [--cgroup DIR]... [--pin CPU] VERB ...: a known load, and a JSON line of what it truly did.
#include "system.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Verb {
    std::string_view name;
    int (*run)(const workload::Args&);
    std::string_view usage;
    std::vector<std::string_view> flags = {};  // options without a value
};

const std::array kVerbs{
    Verb{"spin", workload::spin, "SECONDS [--threads N]"},
    Verb{"hotcold", workload::hotcold, "SECONDS [--hot PERCENT]"},
    Verb{"duty", workload::duty, "SECONDS --busy-us X --period-us Y"},
    Verb{"sleepwake", workload::sleepwake, "N [--period-us P]"},
    Verb{"alloc", workload::alloc, "MIB [--touch] [--hold SECONDS] [--procs N]", {"--touch"}},
    Verb{"filescan", workload::filescan, "FILE [--passes N] [--keep]", {"--keep"}},
    Verb{"dio", workload::dio, "FILE --read|--write --bs BYTES --count N", {"--read", "--write"}},
    Verb{"forks", workload::forks, "N [--threads] [--together]", {"--threads", "--together"}},
    Verb{"forkbomb-to-limit", workload::forkbomb, "N"},
    Verb{"oomgroup", workload::oomgroup, "N [--each MIB] --into DIR..."},
    Verb{"cgroup-churn", workload::churn, "N --parent DIR... [--parallel P] [--life-ms MS]"},
    Verb{"bursts",
         workload::bursts,
         "SECONDS --busy-us C --period-us T [--threads K] [--poisson] [--seed S]",
         {"--poisson"}},
    Verb{"workset", workload::workset, "SECONDS --anon MIB [--extra MIB] [--think-us U]"},
    Verb{"scan", workload::scan, "SECONDS --file FILE --mib S [--dead MIB] [--think-us U]"},
    Verb{"leak", workload::leak, "SECONDS --mib-per-s R [--start MIB]"},
    Verb{"pool", workload::pool, "SECONDS --tasks N [--spike M] [--spike-every S] [--threads]", {"--threads"}},
    Verb{"iostream",
         workload::iostream,
         "SECONDS --file FILE --bs BYTES --rate IOPS|--depth D [--write] [--random] [--mib S] [--seed S]",
         {"--write", "--random"}},
    Verb{"serve", workload::serve, "SECONDS --busy-us C --workers K --rate R [--poisson] [--seed S]", {"--poisson"}},
};

int usage()
{
    std::fputs("usage: flyball-workload [--cgroup DIR]... [--pin CPU] VERB ...\n"
               "--cgroup: enter this cgroup first (once for each hierarchy); --pin: stay on this CPU. Verbs:\n",
               stderr);
    for (const Verb& verb : kVerbs) {
        std::fprintf(stderr, "  %s %s\n", std::string(verb.name).c_str(), std::string(verb.usage).c_str());
    }
    return 2;
}

int run(std::vector<std::string> words)
{
    while (words.size() >= 2 && (words[0] == "--cgroup" || words[0] == "--pin")) {
        if (words[0] == "--cgroup") {
            workload::enter_cgroup(words[1]);
        } else {
            workload::pin(workload::Args({words[1]}, {}).number(0, "CPU"));
        }
        words.erase(words.begin(), words.begin() + 2);
    }
    if (words.empty())
        return usage();
    const auto* verb = std::ranges::find(kVerbs, std::string_view(words[0]), &Verb::name);
    if (verb == kVerbs.end())
        return usage();
    words.erase(words.begin());
    return verb->run(workload::Args(words, verb->flags));
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run({argv + 1, argv + argc});
    } catch (const workload::UsageError& error) {
        std::fprintf(stderr, "flyball-workload: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "flyball-workload: %s\n", error.what());
        return 1;
    }
}
