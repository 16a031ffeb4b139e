// SPDX-License-Identifier: Apache-2.0
#include "bpf_log.hpp"

#include "flyball/base/standard_streams.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace flyball::probe {

namespace {
// The callback carries no context: the active guard of this thread is the only way to reach it.
thread_local BpfLog* active = nullptr;

}  // namespace

std::string last_verdict(std::string_view log)
{
    // The verifier ends with "processed N insns": the line before it is the complaint.
    std::string best;
    while (!log.empty()) {
        const auto end = log.find('\n');
        const std::string_view line = log.substr(0, end);
        log = end == std::string_view::npos ? std::string_view{} : log.substr(end + 1);
        if (line.empty() || line.starts_with("processed ") || line.starts_with("--"))
            continue;
        best = line;
    }
    return best;
}

BpfLog::BpfLog(bool verbose) : verbose_(verbose), previous_(libbpf_set_print(&BpfLog::print))
{
    active = this;
}

BpfLog::~BpfLog()
{
    active = nullptr;
    libbpf_set_print(previous_);
}

int BpfLog::print(enum libbpf_print_level level, const char* format, va_list args)
{
    if (active == nullptr)
        return 0;
    va_list copy;
    va_copy(copy, args);
    const int length = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    if (length <= 0)
        return 0;
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    std::vsnprintf(text.data(), text.size(), format, args);
    text.pop_back();
    if (active->verbose_)
        write_to_stderr(text);
    if (level != LIBBPF_DEBUG)
        active->take(text);
    return 0;
}

void BpfLog::take(const std::string& line)
{
    // "libbpf: prog 'NAME': BPF program load failed: ..." and "... failed to load: -13"
    constexpr std::string_view kMark = "prog '";
    const auto at = line.find(kMark);
    if (at == std::string::npos)
        return;
    const auto begin = at + kMark.size();
    const auto end = line.find('\'', begin);
    if (end == std::string::npos)
        return;
    const std::string_view rest = std::string_view(line).substr(end);
    if (rest.find("BEGIN PROG LOAD LOG") != std::string_view::npos) {
        reason_ = last_verdict(rest);
    } else if (rest.find("load failed") != std::string_view::npos ||
               rest.find("failed to load") != std::string_view::npos ||
               rest.find("failed to find kernel BTF type ID") != std::string_view::npos ||
               rest.find("failed to create BPF link") != std::string_view::npos ||
               rest.find("failed to attach") != std::string_view::npos) {
        if (reason_.empty()) {
            const auto colon = rest.find(": ");
            reason_ = std::string(rest.substr(colon == std::string_view::npos ? 0 : colon + 2));
            while (!reason_.empty() && reason_.back() == '\n')
                reason_.pop_back();
        }
    }
}

}  // namespace flyball::probe
