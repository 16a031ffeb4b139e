// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include "cells.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

std::string microseconds(std::uint64_t ns)
{
    constexpr std::uint64_t kMicrosecond = 1000;
    return fmt::format("{}.{:03}", ns / kMicrosecond, ns % kMicrosecond);
}

// harmless() left no control characters.
std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : harmless(text)) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

void TraceArgs::key(std::string_view key)
{
    text_ += text_.empty() ? "\"" : ",\"";
    text_ += key;
    text_ += "\":";
}

TraceArgs& TraceArgs::add(std::string_view key, std::string_view value)
{
    this->key(key);
    text_ += quoted(value);
    return *this;
}

TraceArgs& TraceArgs::add(std::string_view key, std::uint64_t value)
{
    this->key(key);
    text_ += std::to_string(value);
    return *this;
}

TraceJson::TraceJson(std::uint64_t start_ns, TraceWriter::Output output)
    : start_ns_(start_ns), output_(std::move(output))
{
    output_("{\"traceEvents\":[\n");
}

std::string TraceJson::time(std::uint64_t at_ns) const
{
    return microseconds(at_ns - std::min(at_ns, start_ns_));
}

void TraceJson::event(const std::string& text)
{
    output_(first_ ? text : ",\n" + text);
    first_ = false;
}

void TraceJson::complete(Place place, const Span& span, const TraceArgs& args)
{
    const std::uint64_t begin = std::max(span.begin_ns, start_ns_);
    if (span.end_ns < begin)
        return;
    event(fmt::format(R"({{"ph":"X","cat":"{}","name":{},"pid":{},"tid":{},"ts":{},"dur":{},"args":{{{}}}}})",
                      span.category, quoted(span.name), place.process, place.track, time(begin),
                      microseconds(span.end_ns - begin), args.text()));
}

void TraceJson::async(std::uint64_t process, std::string_view id, const Span& span, const TraceArgs& args)
{
    async_begin(process, id, span, args);
    async_end(process, id, span);
}

void TraceJson::async_begin(std::uint64_t process, std::string_view id, const Span& span, const TraceArgs& args)
{
    event(fmt::format(R"({{"ph":"b","cat":"{}","name":{},"id":{},"pid":{},"tid":{},"ts":{},"args":{{{}}}}})",
                      span.category, quoted(span.name), quoted(id), process, process, time(span.begin_ns),
                      args.text()));
}

void TraceJson::async_end(std::uint64_t process, std::string_view id, const Span& span)
{
    event(fmt::format(R"({{"ph":"e","cat":"{}","name":{},"id":{},"pid":{},"tid":{},"ts":{}}})", span.category,
                      quoted(span.name), quoted(id), process, process, time(span.end_ns)));
}

void TraceJson::instant(std::uint64_t process, std::string_view category, std::string_view name, std::uint64_t at_ns,
                        const TraceArgs& args)
{
    const std::string where =
        process == 0 ? std::string(R"("s":"g")") : fmt::format(R"("s":"p","pid":{},"tid":{})", process, process);
    event(fmt::format(R"({{"ph":"i","cat":"{}","name":{},{},"ts":{},"args":{{{}}}}})", category, quoted(name), where,
                      time(at_ns), args.text()));
}

void TraceJson::name_process(std::uint64_t process, std::string_view name)
{
    event(fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"tid":{},"args":{{"name":{}}}}})", process, process,
                      quoted(name)));
}

void TraceJson::name_track(Place place, std::string_view name)
{
    event(fmt::format(R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}}}})", place.process,
                      place.track, quoted(name)));
}

void TraceJson::finish()
{
    output_("\n]}\n");
}

}  // namespace flyball::report
