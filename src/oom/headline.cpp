// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/headline.hpp"

#include "flyball/base/units.hpp"
#include "policy.hpp"
#include "why.hpp"

#include <fmt/format.h>

namespace flyball::oom {

using profile::OomEpisode;
using profile::OomMember;
using enum OomEpisode::Kind;

namespace {

std::string times(const OomEpisode& episode)
{
    if (episode.times == 0)
        return "";
    const std::string_view more = episode.follows_ns ? "further " : "";
    return episode.times == 1 ? fmt::format(" {}once", more) : fmt::format(" {}{} times", more, episode.times);
}

std::string killed(const OomEpisode& episode)
{
    constexpr std::size_t kNamed = 3;
    std::string text;
    for (std::size_t i = 0; i < episode.victims.size() && i < kNamed; ++i)
        text += fmt::format("{}{} (pid {})", i == 0 ? "" : ", ", episode.victims[i].comm, episode.victims[i].tgid);
    if (episode.victims.size() > kNamed)
        text += fmt::format(" and {} more", episode.victims.size() - kNamed);
    return fmt::format("{} {} killed", text, episode.victims.size() == 1 ? "was" : "were");
}

}  // namespace

std::string place(const OomEpisode& episode)
{
    if (episode.global)
        return "the machine ran out of memory";
    if (!episode.limit_known())
        return episode.domain;
    if (episode.limit_bytes == ~0ULL)
        return fmt::format("{} ran out of memory", episode.domain);
    return fmt::format("{} hit memory.max {}", episode.domain, format_bytes(episode.limit_bytes));
}

std::string shortage_words(const OomEpisode& episode)
{
    if (episode.kind == UnseenKill)
        return fmt::format("the kernel counted {}, and no event told of it",
                           episode.times == 1 ? "1 kill" : fmt::format("{} kills", episode.times));
    if (episode.kind == Livelock)
        return fmt::format("all its tasks were stalled on memory for {} of {}, memory.max {} was hit {} times, nobody "
                           "was killed, and whether it gets anywhere is not known",
                           format_ns(episode.stalled_ns), format_ns(episode.until_ns - episode.ts_ns),
                           format_bytes(episode.limit_bytes), episode.times);
    if (episode.kind == NotKilled)
        return "the kernel counted it, and nobody was killed: what became of the allocations is not known";
    std::string text = "nobody could be killed";
    const OomMember* const most = largest(episode);
    if (most != nullptr && most->oom_score_adj <= kNever)
        text += fmt::format(": {} (pid {}) holds {} of {} and has oom_score_adj {}", most->comm, most->tgid,
                            format_bytes(most->held_bytes()), format_bytes(episode.limit_bytes), most->oom_score_adj);
    return text;
}

std::string headline(const OomEpisode& episode)
{
    if (episode.kind == UnseenKill || episode.kind == Livelock)
        return fmt::format("{}: {}", episode.domain, shortage_words(episode));
    if (episode.kind != Kill)
        return fmt::format("{} out of memory{}: {}", episode.global ? "the machine was" : episode.domain,
                           times(episode), shortage_words(episode));
    std::string text =
        fmt::format("{} and {}", episode.limit_known() ? place(episode) : episode.domain + " ran out of memory",
                    episode.victims.empty() ? "nobody was killed" : killed(episode));
    for (const std::string& line : why(episode))
        text += "; " + line;
    return text;
}

}  // namespace flyball::oom
