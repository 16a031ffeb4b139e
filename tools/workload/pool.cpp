// SPDX-License-Identifier: Apache-2.0
// pool SECONDS --tasks N [--spike M] [--spike-every S] [--threads]: keeps N processes (or threads) alive that do
// nothing, and every S seconds (1 when left out) M more for 50 ms. What the limit refuses is tried again 100 ms later,
// or with the next spike.
//
// A task made is one unit of work, one refused a failed one. The limit that just suffices is 1 + N + M.
#include "stop.hpp"
#include "system.hpp"
#include "tell.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace workload {

namespace {

constexpr std::uint64_t kSpikeNs = 50'000'000, kTickNs = 100'000'000;

void* wait_at(void* gate)
{
    char byte = 0;
    [[maybe_unused]] const ssize_t end = read(static_cast<Pipe*>(gate)->read.get(), &byte, 1);
    return nullptr;
}

// Tasks that live as long as this.
class Tasks {
public:
    explicit Tasks(bool threads) : threads_(threads) {}
    ~Tasks()
    {
        gate_.write.reset();
        for (const pid_t child : children_)
            wait_for(child);
        for (const pthread_t thread : pthreads_)
            pthread_join(thread, nullptr);
    }
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;

    [[nodiscard]] std::uint64_t count() const { return children_.size() + pthreads_.size(); }
    // False: refused.
    bool add()
    {
        if (threads_) {
            pthread_t thread{};
            if (pthread_create(&thread, nullptr, wait_at, &gate_) != 0)
                return false;
            pthreads_.push_back(thread);
            return true;
        }
        const pid_t child = fork_child([this] {
            gate_.wait_for_end();
            return 0;
        });
        if (child > 0)
            children_.push_back(child);
        return child > 0;
    }

private:
    bool threads_;
    Pipe gate_ = Pipe::make();
    std::vector<pid_t> children_;
    std::vector<pthread_t> pthreads_;
};

struct Tried {
    std::uint64_t made = 0, refused = 0, peak = 1, spikes = 0;
};

// Tries each missing task once.
void fill(Tasks& tasks, std::uint64_t wanted, std::uint64_t others, Tried& counts, Tell& tell)
{
    std::uint64_t made = 0, refused = 0;
    for (std::uint64_t missing = wanted - tasks.count(); missing > 0; --missing)
        ++(tasks.add() ? made : refused);
    counts.made += made;
    counts.refused += refused;
    counts.peak = std::max(counts.peak, 1 + others + tasks.count());
    tell.done(static_cast<double>(made));
    tell.fail(static_cast<double>(refused));
}

}  // namespace

int pool(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t wanted = args.option("--tasks", std::uint64_t{1});
    const std::uint64_t spike = args.option("--spike", std::uint64_t{0});
    const auto every = static_cast<std::uint64_t>(args.option("--spike-every", 1.0) * 1e9);
    const bool threads = args.has("--threads");
    if (every == 0)
        throw UsageError("--spike-every is to be above zero");

    Tell tell;
    Tried counts;
    Tasks tasks(threads);
    const std::uint64_t start = now_ns(), end = start + length;
    std::uint64_t next_spike = start + every;
    for (std::uint64_t now = start; !stopped() && now < end; now = now_ns()) {
        fill(tasks, wanted, 0, counts, tell);
        if (spike > 0 && now >= next_spike) {
            Tasks more(threads);
            fill(more, spike, tasks.count(), counts, tell);
            ++counts.spikes;
            next_spike += every;
            wait_until(now_ns() + kSpikeNs);
        }
        const std::uint64_t tick = tasks.count() < wanted ? now + kTickNs : end;
        wait_until(std::min({end, tick, spike > 0 ? next_spike : end}));
    }
    tell.flush();
    return Truth("pool")
        .add("wall_ns", now_ns() - start)
        .add("tasks", tasks.count())
        .add("made", counts.made)
        .add("refused", counts.refused)
        .add("peak", counts.peak)
        .add("spikes", counts.spikes)
        .print();
}

}  // namespace workload
