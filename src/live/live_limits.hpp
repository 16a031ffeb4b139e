// SPDX-License-Identifier: Apache-2.0
// The limits of the cgroup under examination while experiments go on: written by the actuator, kept alive for it, put
// back. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/actuator.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/tune/writes.hpp"
#include "heart.hpp"
#include "limit_files.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::live {

class LiveLimits {
public:
    // The layout must outlive it.
    explicit LiveLimits(const cgroup::Layout& layout) : layout_(layout) {}
    ~LiveLimits();
    LiveLimits(const LiveLimits&) = delete;
    LiveLimits& operator=(const LiveLimits&) = delete;

    // Whose limits they are: before any of them is read or written.
    void aim(std::string path);
    // From here on limits may be written. It forks: while the process has one thread.
    [[nodiscard]] Result<> allow();
    // And not yet reverted.
    [[nodiscard]] bool allowed() const { return actuator_.has_value() && !over_; }
    [[nodiscard]] bool over() const { return over_; }
    // One of them has been written, or taken away from, for a time.
    [[nodiscard]] bool touched() const { return touched_; }
    void touch() { touched_ = true; }

    [[nodiscard]] std::optional<std::string> read(std::string_view file) const { return files_->read(file); }
    [[nodiscard]] Result<> set(std::string_view file, std::string_view value);
    // Io: somebody else has changed one of them, be it ours or not yet.
    [[nodiscard]] Result<> verify() const;
    // The main thread is well.
    void heard();

    // For good. What could not be put back, or was somebody else's by then.
    [[nodiscard]] std::vector<std::string> revert();
    // Writes to stay, after revert(): all or none. The main thread may be blocked in them for a while.
    [[nodiscard]] Result<> apply(const std::vector<tune::Write>& writes);

    enum class Stays : std::uint8_t { Yes, No };  // as apply() or as set() does it
    // One by one, without those that this machine does not have. Gives what was left out.
    [[nodiscard]] Result<std::vector<std::string>> write_what_is_there(const std::vector<tune::Write>& writes,
                                                                       Stays stays);

private:
    [[nodiscard]] std::vector<tune::Write> first_no_burst(const std::vector<tune::Write>& writes) const;
    [[nodiscard]] Result<> write(cgroup::Actuator& by, std::string_view file, std::string_view value) const;

    const cgroup::Layout& layout_;
    std::optional<LimitFiles> files_;
    std::optional<cgroup::Actuator> actuator_;
    std::optional<Heart> heart_;  // of the actuator
    bool over_ = false, touched_ = false;
    std::map<std::string, std::string, std::less<>> as_found_;  // files that were not written yet
};

}  // namespace flyball::live
