// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/process_launcher.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/process/launch.hpp"
#include "numbers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>

namespace flyball::load {
namespace {

// What epoll tells of: these, or the request of that number.
constexpr std::uint64_t kTimer = ~std::uint64_t{0}, kStop = kTimer - 1, kWordsRead = kTimer - 2;
constexpr std::size_t kMostWords = 512;  // bytes that are kept

Result<> watch(int epoll, int fd, std::uint64_t data)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = data;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "watching a request", errno));
    return {};
}

void kill_group(const process::Born& request)
{
    // Its group may not be made yet.
    ::kill(-request.pid, SIGKILL);
    ::kill(request.pid, SIGKILL);
}

}  // namespace

struct ProcessLauncher::State {
    const Command* command = nullptr;
    const cgroup::TransientCgroup* cgroup = nullptr;
    StopToken* stop = nullptr;
    Values values;
    bool own_rate = false, changes = false;
    std::vector<std::string> words, environment;  // of the last request
    UniqueFd epoll, timer, null, words_read, words_write;
    std::map<std::uint64_t, process::Born> running;
    std::string first_words;

    Result<> open();
    void prepare(const Start& request);
    bool reap(std::uint64_t number, Ended& ended);
    void read_words();
};

Result<> ProcessLauncher::State::open()
{
    auto opened = open_fd("/dev/null", O_RDWR);
    if (!opened)
        return std::unexpected(std::move(opened.error()));
    null = *std::move(opened);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a pipe", errno));
    words_read = UniqueFd(ends[0]);
    words_write = UniqueFd(ends[1]);
    // Only our end: a request that writes much would otherwise get EAGAIN.
    ::fcntl(words_read.get(), F_SETFL, O_NONBLOCK);
    epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    timer = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll.valid() || !timer.valid())
        return std::unexpected(errno_error(ErrorKind::Io, "making a timer", errno));
    const std::array<std::pair<int, std::uint64_t>, 3> watched{
        {{timer.get(), kTimer}, {stop->fd(), kStop}, {words_read.get(), kWordsRead}}};
    for (const auto& [fd, data] : watched)
        if (auto done = watch(epoll.get(), fd, data); !done)
            return done;
    changes = command->uses("n") || (!own_rate && command->uses("rate"));
    return {};
}

// Most commands are the same for all requests.
void ProcessLauncher::State::prepare(const Start& request)
{
    if (!changes && !words.empty())
        return;
    values["n"] = fmt::format("{}", request.number);
    if (!own_rate)
        values["rate"] = spell_number(request.rate);
    words = command->words_for(values);
    environment = command->environment_for(values, environ);
}

bool ProcessLauncher::State::reap(std::uint64_t number, Ended& ended)
{
    const auto found = running.find(number);
    if (found == running.end())
        return false;
    int status = 0;
    const pid_t got = ::waitpid(found->second.pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    ended = {.number = number, .at_ns = monotonic_ns(), .ok = got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0};
    running.erase(found);  // its pidfd leaves epoll when it is closed
    return true;
}

void ProcessLauncher::State::read_words()
{
    std::array<char, 4096> piece;
    for (ssize_t got = 0; (got = ::read(words_read.get(), piece.data(), piece.size())) > 0;) {
        const std::size_t room = kMostWords - std::min(kMostWords, first_words.size());
        first_words.append(piece.data(), std::min(room, static_cast<std::size_t>(got)));
    }
}

ProcessLauncher::ProcessLauncher(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProcessLauncher::ProcessLauncher(ProcessLauncher&&) noexcept = default;

ProcessLauncher::~ProcessLauncher()
{
    if (!state_)
        return;
    for (const auto& [number, request] : state_->running)
        kill_group(request);
    for (const auto& [number, request] : state_->running)
        while (::waitpid(request.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
}

Result<ProcessLauncher> ProcessLauncher::create(const Command& command, Values values,
                                                const cgroup::TransientCgroup& cgroup, StopToken& stop)
{
    auto state = std::make_unique<State>();
    state->command = &command;
    state->cgroup = &cgroup;
    state->stop = &stop;
    state->own_rate = values.contains("rate");
    state->values = std::move(values);
    if (auto opened = state->open(); !opened)
        return std::unexpected(std::move(opened.error()));
    return ProcessLauncher(std::move(state));
}

std::uint64_t ProcessLauncher::now_ns() const
{
    return monotonic_ns();
}

Result<> ProcessLauncher::start(const Start& request)
{
    state_->prepare(request);
    auto born = process::launch({.words = state_->words,
                                 .environment = &state_->environment,
                                 .place = state_->cgroup->place(),
                                 .in = state_->null.get(),
                                 .out = state_->null.get(),
                                 .err = state_->words_write.get(),
                                 .own_group = true});
    if (!born)
        return std::unexpected(std::move(born.error()));
    const int pidfd = born->pidfd.get();
    state_->running[request.number] = *std::move(born);
    return watch(state_->epoll.get(), pidfd, request.number);
}

Result<> ProcessLauncher::wait(std::uint64_t until_ns, std::vector<Ended>& ended)
{
    // A time that has passed makes it expire at once; zero would disarm it.
    itimerspec at{};
    at.it_value.tv_sec = static_cast<time_t>(until_ns / kSecond);
    at.it_value.tv_nsec = static_cast<long>(std::max<std::uint64_t>(until_ns % kSecond, 1));
    if (::timerfd_settime(state_->timer.get(), TFD_TIMER_ABSTIME, &at, nullptr) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "setting a timer", errno));
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(state_->epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR)
        return std::unexpected(errno_error(ErrorKind::Io, "waiting for requests", errno));
    for (int i = 0; i < count; ++i) {
        const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
        if (data == kWordsRead)
            state_->read_words();
        else if (Ended one; data < kWordsRead && state_->reap(data, one))
            ended.push_back(one);
    }
    return {};
}

void ProcessLauncher::kill(std::uint64_t number)
{
    const auto found = state_->running.find(number);
    if (found != state_->running.end())
        kill_group(found->second);
}

bool ProcessLauncher::stopped()
{
    return state_->stop->requested();
}

std::string ProcessLauncher::first_words() const
{
    state_->read_words();
    return state_->first_words;
}

}  // namespace flyball::load
