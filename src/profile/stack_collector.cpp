// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/stack_collector.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/symbol/kernel_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <ranges>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace flyball::profile {

namespace {

constexpr const char* kUnknownUser = "[unknown user stack]";
constexpr const char* kOuterCut = "[outer frames not kept]";
constexpr const char* kStackNotKept = "[stack not kept]";
// As other tools of flame graphs mark what is the kernel's.
constexpr const char* kKernelMark = "_[k]";

}  // namespace

StackCollector::StackCollector(symbol::Places places) : StackCollector(std::move(places), Limits()) {}

StackCollector::StackCollector(symbol::Places places, const Limits& limits)
    : places_(std::move(places)), limits_(limits)
{
}

void StackCollector::on_sample(const fb_stack_sample& header, std::span<const std::uint64_t> user,
                               std::span<const std::uint64_t> kernel)
{
    ++counts_.delivered;
    Key key{.cgroup_id = header.cgroup_id, .comm = std::string(header.comm, strnlen(header.comm, sizeof header.comm))};
    const symbol::ProcessKey process{.tgid = header.tgid, .start_ns = header.start_ns, .exec_id = header.exec_id};
    const std::uint64_t now_ns = user.empty() ? 0 : monotonic_ns();
    for (const std::uint64_t address : user) {
        const symbol::Place place = places_.place(process, address, key.user.empty(), now_ns);
        // A run of frames without a place says no more than one.
        const bool nowhere = place.module <= symbol::Places::kGone;
        if (!nowhere || key.user.empty() || key.user.back() != place)
            key.user.push_back(place);
    }
    key.kernel.assign(kernel.begin(), kernel.end());
    if (user.empty() && (header.flags & FB_STACK_KERNEL_THREAD) == 0) {
        key.marks |= Key::kNoUser;
        ++counts_.no_user_stack;
    }
    if (!key.user.empty() && key.user.front().module == symbol::Places::kGone)
        ++counts_.ended;
    if (user.size() >= limits_.depth)
        key.marks |= Key::kUserCut;
    if (kernel.size() >= limits_.depth)
        key.marks |= Key::kKernelCut;
    counts_.cut += (key.marks & (Key::kUserCut | Key::kKernelCut)) != 0;

    if (const auto found = samples_.find(key); found != samples_.end()) {
        ++found->second;
        return;
    }
    // One more counts for the key itself, so that stacks without frames are bounded as well.
    const std::size_t more = key.user.size() + key.kernel.size() + 1;
    if (more > limits_.frames - std::min(frames_, limits_.frames)) {
        ++counts_.not_kept;
        key.user.clear();
        key.kernel.clear();
        key.marks = Key::kNotKept;
    } else {
        frames_ += more;
    }
    ++samples_[std::move(key)];
}

// Names once found are kept: the same places are in many stacks.
class StackCollector::Naming {
public:
    Naming(symbol::Places& places, const std::string& proc) : places_(places), proc_(proc) {}

    std::vector<std::uint32_t> frames(const Key& key)
    {
        std::vector<std::uint32_t> frames;
        if ((key.marks & Key::kNotKept) != 0)
            frames.push_back(index(kStackNotKept));
        if ((key.marks & Key::kNoUser) != 0)
            frames.push_back(index(kUnknownUser));
        if ((key.marks & Key::kUserCut) != 0)
            frames.push_back(index(kOuterCut));
        for (std::size_t i = key.user.size(); i-- > 0;)
            frames.push_back(user(key.user[i], i == 0));
        if ((key.marks & Key::kKernelCut) != 0)
            frames.push_back(index(std::string(kOuterCut) + kKernelMark));
        for (std::size_t i = key.kernel.size(); i-- > 0;)
            frames.push_back(kernel(key.kernel[i], i == 0));
        return frames;
    }
    [[nodiscard]] std::vector<std::string> take_names() { return std::move(names_); }
    [[nodiscard]] std::string why_no_kernel_names() const { return kernel_ ? kernel_->why_none() : ""; }

private:
    std::uint32_t index(std::string name)
    {
        const auto [found, made] = indices_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
        if (made)
            names_.push_back(std::move(name));
        return found->second;
    }
    std::uint32_t user(const symbol::Place& place, bool innermost)
    {
        const auto [found, made] = user_.try_emplace({place, innermost}, 0);
        if (made)
            found->second = index(places_.name(place, innermost));
        return found->second;
    }
    std::uint32_t kernel(std::uint64_t address, bool innermost)
    {
        const auto [found, made] = kernel_frames_.try_emplace({address, innermost}, 0);
        if (made) {
            if (!kernel_)
                kernel_ = symbol::KernelNames::read(proc_);
            found->second = index(kernel_->name(address, innermost) + kKernelMark);
        }
        return found->second;
    }

    symbol::Places& places_;
    const std::string& proc_;
    std::optional<symbol::KernelNames> kernel_;
    std::map<std::pair<symbol::Place, bool>, std::uint32_t> user_;
    std::map<std::pair<std::uint64_t, bool>, std::uint32_t> kernel_frames_;
    std::unordered_map<std::string, std::uint32_t> indices_;
    std::vector<std::string> names_;
};

Stacks StackCollector::finish(const std::string& proc) &&
{
    Stacks stacks = std::move(counts_);
    Naming naming(places_, proc);
    // Different places of one function become one frame, and different stacks one.
    std::map<std::tuple<std::uint64_t, std::string, std::vector<std::uint32_t>>, std::uint64_t> named;
    for (const auto& [key, samples] : samples_)
        named[{key.cgroup_id, key.comm, naming.frames(key)}] += samples;
    samples_.clear();
    for (const auto& [key, samples] : named) {
        stacks.stacks.push_back(
            {.cgroup_id = std::get<0>(key), .comm = std::get<1>(key), .frames = std::get<2>(key), .samples = samples});
    }
    stacks.frames = naming.take_names();
    if (std::string why = naming.why_no_kernel_names(); !why.empty())
        stacks.notes.push_back(std::move(why));
    if (places_.files_left_out() > 0)
        stacks.notes.push_back(fmt::format("{} mappings have no names: too many files", places_.files_left_out()));
    return stacks;
}

}  // namespace flyball::profile
