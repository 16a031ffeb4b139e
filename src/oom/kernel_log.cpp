// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/kernel_log.hpp"

#include "flyball/base/strings.hpp"
#include "memory_kinds.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace flyball::oom {
namespace {

constexpr std::string_view kBegin = " invoked oom-killer: ", kMemory = "memory: usage ", kSwap = "swap: usage ",
                           kKmem = "kmem: usage ", kStats = "Memory cgroup stats for ",
                           kChosen = "oom-kill:constraint=", kNobody = "Out of memory and no killable processes";
constexpr std::size_t kMostTasks = 4096;  // of one report
constexpr std::uint64_t kKib = 1024;
// PAGE_COUNTER_MAX in KiB, as the log writes a limit that is none: about LONG_MAX bytes.
constexpr std::uint64_t kNoLimitKib = std::uint64_t{1} << 52;

template <std::size_t N>
void put(char (&into)[N], std::string_view text)
{
    const std::size_t n = std::min(text.size(), N - 1);
    text.copy(into, n);
    into[n] = '\0';
}

// The number at the beginning.
std::optional<std::int64_t> number(std::string_view text)
{
    text = trim(text);
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

// "usage 16384kB, limit 16384kB, failcnt 75" after its "usage ".
void usage_line(std::string_view text, __u64& usage, __u64* limit)
{
    const auto used = number(text);
    if (used && *used >= 0)
        usage = static_cast<std::uint64_t>(*used) * kKib;
    constexpr std::string_view kLimit = "limit ";
    const auto at = text.find(kLimit);
    const auto bound = at == std::string_view::npos ? std::nullopt : number(text.substr(at + kLimit.size()));
    if (limit != nullptr && bound && *bound >= 0 && static_cast<std::uint64_t>(*bound) < kNoLimitKib)
        *limit = static_cast<std::uint64_t>(*bound) * kKib;
}

// The value of one of "a=1,b=/x,c". A path may have a comma in it: it ends before the next name that is known.
std::string_view value_of(std::string_view text, std::string_view name, std::string_view next)
{
    const auto at = text.find(name);
    if (at == std::string_view::npos)
        return {};
    const std::string_view rest = text.substr(at + name.size());
    return rest.substr(0, rest.find(next));
}

// What /dev/kmsg writes as \x0a.
std::string unescaped(std::string_view text)
{
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = 0;
        if (text.substr(i, 2) == "\\x" && i + 4 <= text.size() &&
            std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16).ptr == text.data() + i + 4) {
            plain += static_cast<char>(byte);
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

// The names of the columns that are used, as the kernel writes them.
constexpr std::array<std::string_view, 10> kColumns{"pid",      "uid",       "tgid",          "rss",      "rss_anon",
                                                    "rss_file", "rss_shmem", "oom_score_adj", "swapents", "name"};

}  // namespace

std::optional<LogReport> LogParser::feed(std::string_view record, std::uint64_t now_ns)
{
    const auto prefix = record.find(';');
    if (prefix == std::string_view::npos)
        return std::nullopt;
    // What follows the first line are its key=value pairs.
    std::string_view text = record.substr(prefix + 1);
    text = text.substr(0, text.find('\n'));
    const std::string plain = unescaped(text);
    std::optional<LogReport> found;
    for_each_line(plain, [&](std::string_view each) {
        if (!found)
            found = line(each, now_ns);
    });
    return found;
}

std::optional<LogReport> LogParser::end(std::uint64_t now_ns, std::uint32_t flags)
{
    LogReport found = std::move(open_->found);
    open_.reset();
    found.report.hdr.ts_ns = now_ns;
    found.report.flags = flags;
    found.report.members = static_cast<std::uint32_t>(found.members.size());
    return found;
}

std::optional<LogReport> LogParser::line(std::string_view text, std::uint64_t now_ns)
{
    if (const auto at = text.find(kBegin); at != std::string_view::npos) {
        open_.emplace(Open{.found = {}, .columns = {}, .in_stats = false, .global = true});
        open_->found.report = empty_report();
        put(open_->found.report.trigger_comm, text.substr(0, at));
        const auto order = number(value_of(text, "order=", ","));
        open_->found.report.order = order && *order >= 0 ? static_cast<std::uint32_t>(*order) : ~0U;
        return std::nullopt;
    }
    if (!open_)
        return std::nullopt;
    fb_oom_report& report = open_->found.report;
    if (text.starts_with(kNobody))
        return end(now_ns, FB_OR_NOBODY | (open_->global ? std::uint32_t{FB_OR_GLOBAL} : 0U));
    if (text.starts_with(kChosen)) {
        const auto pid = number(value_of(text, ",pid=", ",uid="));
        report.victim_tid = pid && *pid > 0 ? static_cast<std::uint32_t>(*pid) : 0;
        const bool global = text.find(",oom_memcg=") == std::string_view::npos;
        if (!global)
            put(report.path, value_of(text, ",oom_memcg=", ",task_memcg="));
        return report.victim_tid == 0 ? std::nullopt : end(now_ns, global ? std::uint32_t{FB_OR_GLOBAL} : 0U);
    }
    if (text.starts_with(kMemory)) {
        open_->global = false;
        usage_line(text.substr(kMemory.size()), report.usage_bytes, &report.limit_bytes);
    } else if (text.starts_with(kSwap)) {
        usage_line(text.substr(kSwap.size()), report.swap_bytes, &report.swap_limit_bytes);
    } else if (text.starts_with(kKmem)) {
        usage_line(text.substr(kKmem.size()), report.kinds[FB_MK_KERNEL], nullptr);
    } else if (text.starts_with(kStats)) {
        const std::string_view path = text.substr(kStats.size());
        put(report.path, path.substr(0, path.rfind(':')));
        open_->in_stats = true;
    } else if (text.starts_with('[')) {
        open_->in_stats = false;
        table_row(text, now_ns);
    } else if (open_->in_stats) {
        (void)apply_stat_line(text, report);
        // v1 has no field of its own for it.
        constexpr std::string_view kV1Swap = "total_swap ";
        if (const auto swap = text.starts_with(kV1Swap) ? parse_u64(trim(text.substr(kV1Swap.size()))) : std::nullopt)
            report.swap_bytes = *swap;
    }
    return std::nullopt;
}

// Columns came and went: rss_anon and its like since v6.8, cpuset and pgtables differ too. The first row names them.
void LogParser::table_row(std::string_view text, std::uint64_t now_ns)
{
    std::string plain(text);  // without the brackets around the number
    std::ranges::replace_if(plain, [](char c) { return c == '[' || c == ']'; }, ' ');
    const auto fields = split_blanks(plain);
    if (!fields.empty() && fields.front() == "pid") {
        open_->columns.clear();
        for (const std::string_view name : fields) {
            const auto known = std::ranges::find(kColumns, name);
            open_->columns.push_back(known == kColumns.end() ? std::string_view() : *known);
        }
        return;
    }
    if (open_->columns.empty() || fields.size() < open_->columns.size() || open_->found.members.size() >= kMostTasks)
        return;
    fb_oom_member member{};
    member.hdr.type = FB_EV_OOM_MEMBER;
    member.hdr.size = sizeof member;
    member.hdr.ts_ns = now_ns;
    member.kind = FB_OM_LOGGED;
    member.rss_bytes = member.anon_bytes = member.file_bytes = member.shmem_bytes = member.swap_bytes = ~0ULL;
    const auto pages = [&](std::size_t i, __u64& into) {
        const auto n = number(fields[i]);
        // More pages than an address space has: no number of the kernel's.
        if (n && *n >= 0 && static_cast<std::uint64_t>(*n) < (std::uint64_t{1} << 44))
            into = static_cast<std::uint64_t>(*n) * page_bytes_;
    };
    for (std::size_t i = 0; i < open_->columns.size(); ++i) {
        const std::string_view column = open_->columns[i];
        if (column == "tgid" || column == "pid") {
            (column == "pid" ? member.tid : member.tgid) = static_cast<std::uint32_t>(number(fields[i]).value_or(0));
        } else if (column == "rss") {
            pages(i, member.rss_bytes);
        } else if (column == "rss_anon") {
            pages(i, member.anon_bytes);
        } else if (column == "rss_file") {
            pages(i, member.file_bytes);
        } else if (column == "rss_shmem") {
            pages(i, member.shmem_bytes);
        } else if (column == "swapents") {
            pages(i, member.swap_bytes);
        } else if (column == "oom_score_adj") {
            member.oom_score_adj = static_cast<std::int32_t>(number(fields[i]).value_or(0));
        } else if (column == "name") {
            // The rest of the line: a name may have blanks in it.
            put(member.comm, text.substr(static_cast<std::size_t>(fields[i].data() - plain.data())));
        }
    }
    if (member.tgid != 0)
        open_->found.members.push_back(member);
}

}  // namespace flyball::oom
