// SPDX-License-Identifier: Apache-2.0
// iostream SECONDS --file FILE --bs BYTES --rate IOPS|--depth D [--write] [--random] [--mib S] [--seed S]: direct I/O
// within the first S MiB of a file or device. --rate: operations are due at even gaps, whether those before are done or
// not, and up to 32 are under way. --depth: D are under way all the time.
#include "pages.hpp"
#include "sized_file.hpp"
#include "stop.hpp"
#include "verbs.hpp"
#include "workers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace workload {

namespace {

constexpr std::size_t kBufferAlignment = 4096;
constexpr std::uint64_t kWorkersOfRate = 32;

using Block = std::unique_ptr<void, void (*)(void*)>;

// Each worker has its own buffer and its own random numbers; sequential operations take turns.
class Operations {
public:
    Operations(const Args& args, std::uint64_t workers)
        : block_(args.option("--bs", std::uint64_t{4096})), writing_(args.has("--write")), random_(args.has("--random"))
    {
        const std::vector<std::string> files = args.all("--file");
        const std::uint64_t bytes = args.option("--mib", std::uint64_t{64}) * kMiB;
        if (files.empty() || block_ == 0 || block_ % 512 != 0 || block_ > bytes) {
            throw UsageError("iostream wants --file FILE, and --bs a multiple of 512, --mib at least as large");
        }
        blocks_ = bytes / block_;
        file_ = open_sized(files.back(), bytes, (writing_ ? O_WRONLY : O_RDONLY) | O_DIRECT);
        for (std::uint64_t i = 0; i < workers; ++i) {
            const std::uint64_t aligned = (block_ + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
            buffers_.emplace_back(std::aligned_alloc(kBufferAlignment, aligned), std::free);
            if (!buffers_.back())
                fail_errno("allocating a block");
            std::memset(buffers_.back().get(), 0x5a, block_);
            randoms_.emplace_back(args.option("--seed", std::uint64_t{1}) + i);
        }
    }

    // Errors end the process: a thread has nobody to tell.
    bool run(std::uint64_t worker)
    {
        const std::uint64_t index = random_ ? randoms_[worker]() : next_++;
        const auto at = static_cast<off_t>(index % blocks_ * block_);
        void* buffer = buffers_[worker].get();
        const ssize_t moved =
            writing_ ? pwrite(file_.get(), buffer, block_, at) : pread(file_.get(), buffer, block_, at);
        if (moved == static_cast<ssize_t>(block_))
            return true;
        std::perror("flyball-workload: direct I/O");
        std::_Exit(1);
    }
    [[nodiscard]] std::uint64_t block() const { return block_; }
    [[nodiscard]] bool writing() const { return writing_; }

private:
    std::uint64_t block_, blocks_ = 1;
    bool writing_, random_;
    Fd file_;
    std::vector<Block> buffers_;
    std::vector<std::mt19937_64> randoms_;
    std::atomic<std::uint64_t> next_ = 0;
};

}  // namespace

int iostream(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const double rate = args.option("--rate", 0.0);
    const std::uint64_t depth = args.option("--depth", std::uint64_t{0});
    if ((rate > 0) == (depth > 0))
        throw UsageError("give one of --rate IOPS and --depth D");

    Tell tell;
    const std::uint64_t workers = depth > 0 ? depth : kWorkersOfRate;
    Operations operations(args, workers);
    const std::uint64_t start = now_ns();
    const auto job = [&](std::uint64_t worker) { return operations.run(worker); };
    Served served;
    if (depth > 0) {
        served = serve_always(start + length, workers, tell, job);
    } else {
        Arrivals arrivals(start, start + length, 1e9 / rate, false, 0);
        served = serve_arrivals(arrivals, start + length, workers, tell, job);
    }
    Truth truth("iostream");
    truth.add("wall_ns", now_ns() - start)
        .add(operations.writing() ? "writes" : "reads", served.latencies.count())
        .add("bytes", served.latencies.count() * operations.block())
        .add("unserved", served.unserved);
    served.latencies.add_to(truth);
    tell.flush();
    return truth.add("untold", tell.dropped()).print();
}

}  // namespace workload
