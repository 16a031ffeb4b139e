// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/explain.hpp"
#include "golden.hpp"
#include "sample_books.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>

using namespace flyball;
using namespace flyball::report;
using flyball::diagnose::build_explanation;
using flyball::diagnose::Explanation;
using flyball::diagnose::Finding;
using flyball::diagnose::Matrix;
using flyball::diagnose::Note;
using flyball::diagnose::Reason;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;
using flyball::test::kMs;

namespace {

Explanation sample(const diagnose::Options& options = {})
{
    return build_explanation(test::books_snapshot(), test::sample_books(), options);
}

const Finding& find(const Explanation& explanation, std::string_view path)
{
    const auto found =
        std::ranges::find_if(explanation.findings, [&](const Finding& f) { return f.account.path == path; });
    REQUIRE(found != explanation.findings.end());
    return *found;
}

bool has(const std::vector<Note>& notes, std::string_view id)
{
    return std::ranges::find(notes, id, &Note::id) != notes.end();
}

std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
        longest = std::max(longest, static_cast<std::size_t>(columns));
    }
    return longest;
}

}  // namespace

TEST_CASE("the explanations of the samples are the golden ones", "[explain][golden]")
{
    check_golden("explain.txt", render_explain_text(sample()));
    check_golden("explain.json", render_explain_json(sample()));
    check_golden("explain-quiet.txt",
                 render_explain_text(build_explanation(test::books_snapshot(), test::quiet_books())));
    check_golden("explain-blind.txt",
                 render_explain_text(build_explanation(test::blind_snapshot(), test::blind_books())));
}

TEST_CASE("the sentence names the limit, who spent it, and the neighbour with its CPUs", "[explain]")
{
    const std::string sentence = find(sample(), "/prod.slice/checkout.service").sentence;
    CHECK(sentence == "checkout.service lost 38.2% of its runnable time: "
                      "27.9% to cpu.max of its parent prod.slice (quota 200 ms/100 ms; batch.scope spent 61.0% of it), "
                      "8.1% to build.slice on CPUs 2-3, "
                      "1.5% to other tasks of its own, "
                      "0.2% to kernel threads (ksoftirqd/2 first), "
                      "0.2% to interrupts and steal, "
                      "0.1% to batch.scope on CPU 0, "
                      "0.1% waking up (the CPU was idle); "
                      "no memory or I/O stall.");
}

TEST_CASE("worst first, and a slice only where it tells more than its members", "[explain]")
{
    const Explanation e = sample();
    for (std::size_t i = 1; i < e.findings.size(); ++i) {
        if (e.findings[i - 1].worth == e.findings[i].worth)
            CHECK(e.findings[i - 1].lost_ns() >= e.findings[i].lost_ns());
    }
    const Finding& kube = find(e, "/kube.slice");
    CHECK(kube.subtree);
    CHECK(kube.cgroups == 4);
    // What one pod took from another is the slice's own affair.
    CHECK(at(kube.account.parts, ledger::Part::OwnTasks) == 4 * (30 + 50) * kMs);
    CHECK(std::ranges::none_of(e.findings, [](const Finding& f) { return f.account.path == "/prod.slice"; }));
}

TEST_CASE("what was asked about is answered as a whole", "[explain]")
{
    const Explanation e = sample({.cgroups = {"/prod.slice"}});
    CHECK(find(e, "/prod.slice").subtree);
    CHECK_THAT(find(e, "/prod.slice").sentence, ContainsSubstring("prod.slice with the 2 cgroups in it lost"));
    CHECK(std::ranges::none_of(e.findings, [](const Finding& f) { return f.account.path == "/build.slice"; }));
    // Who took the time may be outside.
    CHECK_THAT(find(e, "/prod.slice/checkout.service").sentence, ContainsSubstring("to build.slice on CPUs 2-3"));
    CHECK(e.quotas.size() == 1);
}

TEST_CASE("advice follows from the largest causes", "[explain]")
{
    const Explanation e = sample();
    const Finding& checkout = find(e, "/prod.slice/checkout.service");
    REQUIRE(checkout.advice.size() == 3);
    CHECK(checkout.advice[0].id == "move_spender");
    CHECK_THAT(checkout.advice[0].text, ContainsSubstring("Move batch.scope out of prod.slice"));
    CHECK_THAT(checkout.advice[1].text, ContainsSubstring("to 288 ms/100 ms"));
    CHECK_THAT(checkout.advice[2].text, ContainsSubstring("cpu.max.burst of prod.slice to 64 ms"));
    CHECK(has(find(e, "/build.slice").advice, "weight"));
    CHECK(has(find(e, "/db.service").advice, "memory_high"));
    CHECK(find(e, "/").advice.empty());
}

TEST_CASE("a weight is for siblings; between a cgroup and those in it there is none", "[explain]")
{
    const auto advice = [](std::string victim, std::string aggressor) {
        ledger::Books books;
        books.window_ns = 10'000 * kMs;
        books.accounts = {
            test::make_account(std::move(victim), 1, {{ledger::Part::Run, kMs}, {ledger::Part::Displaced, kMs}})};
        books.accounts[0].displaced_by = {test::make_blame(std::move(aggressor), {{0, kMs}}, {{7, "bash", kMs}})};
        const Explanation e = build_explanation(test::books_snapshot(), books);
        return e.findings.at(0).advice.at(0).text;
    };
    CHECK_THAT(advice("/a/b/c", "/a/x/y"), ContainsSubstring("Raise cpu.weight of b or lower that of x:"));
    CHECK_THAT(advice("/a", "/"), ContainsSubstring("Put the tasks of the root cgroup (bash first) into"));
    CHECK_THAT(advice("/a/b", "/a"), ContainsSubstring("Put the tasks of a (bash first) into"));
    CHECK_THAT(advice("/a", "/a/b"), ContainsSubstring("Put the tasks of a into"));
    CHECK_THAT(advice("/", "/a"), ContainsSubstring("Put the tasks of the root cgroup into"));
}

TEST_CASE("a stall that was not measured is not none", "[explain]")
{
    const auto snapshot = test::blind_snapshot();
    const Explanation e = build_explanation(snapshot, test::blind_books());
    const std::string& sentence = find(e, "/web.service").sentence;
    CHECK_THAT(sentence, ContainsSubstring("memory stalls were not measured (the kernel refuses fentry)"));
    CHECK_THAT(sentence, ContainsSubstring("io.queue not measured"));
    CHECK_THAT(sentence, ContainsSubstring("12.5% of its tasks' time could not be attributed"));
    CHECK(sentence.find("no memory") == std::string::npos);
    for (const char* id :
         {"incomplete", "folded", "dropped", "recursion_misses", "chain_breaks", "late", "unavailable", "recorder"}) {
        CAPTURE(id);
        CHECK(has(e.doubts, id));
    }
    CHECK(sample().doubts.empty());
}

TEST_CASE("where nothing was lost, that is said", "[explain]")
{
    const auto text = render_explain_text(build_explanation(test::books_snapshot(), test::quiet_books()));
    CHECK_THAT(text, ContainsSubstring("Nothing was lost"));
    CHECK_THAT(text, !ContainsSubstring("->"));
    const auto empty = render_explain_text(build_explanation({}, {}));
    CHECK_THAT(empty, ContainsSubstring("No cgroup wanted a CPU"));
}

TEST_CASE("the parts of an account are 100.0 % of it", "[explain]")
{
    const auto json = nlohmann::json::parse(render_explain_json(sample()));
    for (const auto& finding : json["findings"]) {
        std::uint64_t sum = 0;
        for (const auto& ns : finding["parts"])
            sum += ns.get<std::uint64_t>();
        CHECK(sum == finding["life_ns"].get<std::uint64_t>());
    }
    // Each block's shares, as printed, add up to the tenth.
    std::istringstream lines(render_explain_text(sample()));
    int tenths = 0, blocks = 0;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t mark = line.find('%');
        if (line.starts_with(" its tasks")) {
            tenths = 0;
            ++blocks;
        } else if (line.starts_with(" all of it")) {
            CHECK(tenths == 1000);
            blocks += 1000;
        } else if (mark != std::string::npos && blocks % 1000 > blocks / 1000) {
            const std::size_t from = line.rfind(' ', mark) + 1;
            tenths += static_cast<int>(std::lround(10 * std::stod(line.substr(from, mark - from))));
        }
    }
    CHECK(blocks == 5005);
}

TEST_CASE("a row of the matrix is the displaced time of its cgroup", "[explain]")
{
    for (const std::size_t top : {2U, 5U, 50U}) {
        CAPTURE(top);
        const Explanation e = sample({.cgroups = {}, .top = top});
        std::uint64_t sum = e.displaced.others.sum_ns;
        CHECK(e.displaced.columns.size() <= top);
        for (const Matrix::Row& row : e.displaced.rows) {
            CHECK(row.sum_ns == std::accumulate(row.cells.begin(), row.cells.end(), row.others_ns + row.unknown_ns));
            sum += row.sum_ns;
        }
        std::uint64_t displaced = 0;
        for (const ledger::Account& account : test::sample_books().accounts)
            displaced += at(account.parts, ledger::Part::Displaced);
        CHECK(sum == displaced);
    }
}

TEST_CASE("no line of an explanation is longer than the width", "[explain]")
{
    ledger::Books books = test::sample_books();
    const std::string deep = "/" + std::string(200, 'x') + "/\xc3\xa4" + std::string(60, 'y');
    for (ledger::Account& account : books.accounts) {
        account.path = deep + account.path;
        for (ledger::Blame& blame : account.displaced_by)
            blame.path = deep + blame.path;
    }
    books.quotas[0].path = deep;
    books.quotas[0].spenders[0].path = deep + "/z";
    for (const int width : {80, 100}) {
        const auto snapshot = test::blind_snapshot();
        CHECK(longest_line(render_explain_text(build_explanation(snapshot, books), {.width = width})) <=
              static_cast<std::size_t>(width));
    }
}

TEST_CASE("names cannot move the cursor or break an explanation", "[explain]")
{
    ledger::Books books = test::sample_books();
    books.accounts.back().path = "/evil\x1b[2J\n\xff";
    books.accounts.back().kernel_threads[0].comm = "\x07";
    const Explanation e = build_explanation(test::books_snapshot(), books);
    CHECK(render_explain_text(e).find('\x1b') == std::string::npos);
    CHECK(render_explain_text(e).find('\x07') == std::string::npos);
    CHECK(nlohmann::json::accept(render_explain_json(e)));
}

TEST_CASE("burnt CPU time as folded stacks", "[explain][folded]")
{
    const std::string text = render_folded(test::sample_books(), {"/prod.slice"});
    CHECK(text == "prod.slice;batch.scope;batch-777 12000000\n"
                  "prod.slice;checkout.service;checkout-61 3000000\n"
                  "prod.slice;checkout.service;checkout-62 2000000\n"
                  "prod.slice;checkout.service;gc: sweep-63 1000000\n"
                  "prod.slice;checkout.service;(others) 180000\n");
    CHECK_THAT(render_folded(test::sample_books(), {}), ContainsSubstring("(root);(others) 420000\n"));
}
