// SPDX-License-Identifier: Apache-2.0
// The Trace Event Format, as Perfetto imports it.
//
// No displayTimeUnit: some versions of the importer take "ns" for the unit of ts, which is microseconds.
#pragma once

#include "flyball/report/trace.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace flyball::report {

// The "args" of an event.
class TraceArgs {
public:
    TraceArgs& add(std::string_view key, std::string_view value);
    TraceArgs& add(std::string_view key, std::uint64_t value);
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void key(std::string_view key);
    std::string text_;
};

class TraceJson {
public:
    // start_ns is the zero of all times.
    TraceJson(std::uint64_t start_ns, TraceWriter::Output output);

    struct Place {
        std::uint64_t process = 0, track = 0;  // pid and tid of the format
    };
    struct Span {
        std::string_view category, name;
        std::uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC; cut at the start of the window
    };

    // A span of a track. Spans of one track must not overlap.
    void complete(Place place, const Span& span, const TraceArgs& args);
    // A span of its own track, which is told by category and id; spans of the same track may nest.
    void async(std::uint64_t process, std::string_view id, const Span& span, const TraceArgs& args);
    void async_begin(std::uint64_t process, std::string_view id, const Span& span, const TraceArgs& args);
    void async_end(std::uint64_t process, std::string_view id, const Span& span);
    // process 0: for all.
    void instant(std::uint64_t process, std::string_view category, std::string_view name, std::uint64_t at_ns,
                 const TraceArgs& args);

    void name_process(std::uint64_t process, std::string_view name);
    void name_track(Place place, std::string_view name);

    void finish();

private:
    void event(const std::string& text);
    [[nodiscard]] std::string time(std::uint64_t at_ns) const;

    std::uint64_t start_ns_;
    TraceWriter::Output output_;
    bool first_ = true;
};

}  // namespace flyball::report
