// SPDX-License-Identifier: Apache-2.0
// OOM kills as they happen: episodes one by one, each when nothing more is expected of it.
//
// Memory is bounded by what is under way and by the cgroups that were not forgotten. Not thread-safe.
#pragma once

#include "flyball/profile/accumulator.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flyball::profile {

// A process that was made during the run, as FB_EV_TASK says.
struct Birth {
    std::uint64_t ts_ns = 0;
    std::uint32_t tgid = 0;
};
// A process (or thread) that was moved, as FB_EV_ATTACH says.
struct Move {
    std::uint64_t ts_ns = 0;
    std::uint32_t tgid = 0;
    std::string cgroup;  // to which
};

// What a memcg had counted at its removal; nullopt: the record does not say.
[[nodiscard]] std::optional<fb_memcg> last_counted(const fb_cgroup& record);

class OomFeed final : public stream::Sink {
public:
    OomFeed(const Meta& meta, std::span<const KnownCgroup> known);
    ~OomFeed() override;
    OomFeed(OomFeed&&) noexcept;
    OomFeed& operator=(OomFeed&&) noexcept;

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Complete at now_ns: records up to then must have been handed over. In the order of their beginnings.
    [[nodiscard]] std::vector<OomEpisode> take_complete(std::uint64_t now_ns);
    // Of a recording: the one that began then, which was complete at now_ns, and what is left from before it.
    [[nodiscard]] std::vector<OomEpisode> take_told(std::uint64_t ts_ns, std::uint64_t now_ns);
    // Of a recording, which has no other clock: what was counted by then, and nothing accounts for, is an episode.
    void account(std::uint64_t now_ns);
    // The run is over: all that is left, complete or not.
    [[nodiscard]] std::vector<OomEpisode> finish();
    // Some have begun and have not been given out.
    [[nodiscard]] bool open() const;
    // Those, as far as they are known.
    [[nodiscard]] std::vector<OomEpisode> open_episodes() const;

    // SIGKILLs of other senders since the last call, in the order in which it was certain.
    [[nodiscard]] std::vector<OtherKill> take_other_kills();

    // Latest first-hand knowledge of the last seconds, for those who survived.
    [[nodiscard]] std::span<const Birth> births() const;
    [[nodiscard]] std::span<const Move> moves() const;

    // Of a memory cgroup, live or gone; "?0:42": it has no name.
    [[nodiscard]] std::string path(std::uint64_t memcg_id) const;

    // Forgets cgroups that were removed before that, but for those that episodes speak of. Without it memory grows with
    // every cgroup that ever was.
    void forget_removed(std::uint64_t before_ns);
    // Cgroups that are known now, removed ones included.
    [[nodiscard]] std::size_t known_cgroups() const;

    // Batches that are missing.
    [[nodiscard]] std::uint64_t sequence_gaps() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::profile
