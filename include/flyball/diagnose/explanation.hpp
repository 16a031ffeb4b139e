// SPDX-License-Identifier: Apache-2.0
// What `flyball explain` says, worked out once: in words first, then in numbers, worst first. The renderers
// only print it; the same snapshot and books give the same. Pure; any thread.
#pragma once

#include "flyball/ledger/books.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::diagnose {

struct Options {
    std::vector<std::string> cgroups;  // -c: only these and those below them; empty: all
    std::size_t top = 5;               // findings in words; rows and columns of a matrix
};

// One cause of lost time.
struct Reason {
    ledger::Part part = ledger::Part::Unknown;
    std::string path;  // who: the throttler, or whose tasks ran; empty where there is no one
    std::uint64_t ns = 0;
    double share = 0;  // of the runnable time; where memory or I/O is the cause, of the tasks' time
    std::string text;  // "27.9% to cpu.max of its parent prod.slice (quota 200 ms/100 ms)"
};

// What follows from a finding, or what casts doubt on it. id is for programs: docs/explain-json.md.
struct Note {
    std::string id;
    std::string text;
};

struct Finding {
    ledger::Account account;
    bool subtree = false;     // with all cgroups below it
    std::size_t cgroups = 1;  // of which it is the sum
    std::uint64_t runnable_ns = 0;
    std::uint64_t wait_ns = 0;    // of it: held or waiting
    std::uint64_t memory_ns = 0;  // blocked by memory
    std::uint64_t io_ns = 0;      // blocked by I/O
    bool worth = false;           // at least 0.1 % of its time was lost
    std::vector<Reason> reasons;  // worst first; those of at least 0.1 %
    std::string sentence;
    std::vector<Note> advice;
    std::vector<Note> doubts;

    [[nodiscard]] std::uint64_t lost_ns() const { return wait_ns + memory_ns + io_ns; }
};

// Who waited for whom: the worst rows and columns; what is beyond them is added up.
struct Matrix {
    struct Row {
        std::string path;
        std::uint64_t sum_ns = 0;          // = cells + others + unknown
        std::vector<std::uint64_t> cells;  // by column
        std::uint64_t others_ns = 0;       // columns that are not shown
        std::uint64_t unknown_ns = 0;
    };
    std::vector<std::string> columns;
    std::vector<Row> rows;
    Row others;                 // rows that are not shown
    std::size_t more_rows = 0;  // how many those are
    std::size_t more_columns = 0;
    [[nodiscard]] bool empty() const { return rows.empty(); }
};

// A bad cell of the matrix, and the tasks behind it.
struct Encounter {
    std::string victim;
    ledger::Blame blame;
};

// An OOM kill, or memory that was out without one.
struct Shortage {
    std::uint64_t ts_ns = 0;
    profile::OomEpisode::Kind kind = profile::OomEpisode::Kind::Kill;
    std::string cgroup;  // whose limit was hit, or of the first victim; "/": the machine
    std::string text;
    friend bool operator==(const Shortage&, const Shortage&) = default;
};

struct Explanation {
    profile::Meta meta;
    std::vector<std::string> only;  // -c
    std::uint64_t window_ns = 0;
    bool incomplete = false;
    std::vector<Finding> findings;  // worst first: all cgroups that wanted a CPU or were blocked
    std::size_t in_words = 0;       // the first so many, in text
    std::vector<Note> doubts;       // about all of it
    // Memory that was out in these cgroups, a sentence each, in time order: it comes before what they waited for.
    std::vector<Shortage> out_of_memory;
    Matrix displaced;  // victims and aggressors on the CPUs
    std::vector<Encounter> encounters;
    Matrix io;  // queued behind whom
    std::vector<ledger::QuotaFinding> quotas;
    ledger::Proof proof;
    std::vector<std::string> paths;  // all that are spoken of, for short names
};

[[nodiscard]] Explanation build_explanation(const profile::Snapshot& snapshot, const ledger::Books& books,
                                            const Options& options = {});

}  // namespace flyball::diagnose
