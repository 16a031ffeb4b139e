// SPDX-License-Identifier: Apache-2.0
// A child process whose output is kept, killed when its owner goes.
#pragma once

#include "environment.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flyball::test {

struct Outcome {
    int status = -1;  // exit code, 128 + signal
    std::string out, err;
};

class Process {
public:
    // stdout_file: where its standard output goes instead of being kept.
    explicit Process(const std::vector<std::string>& argv, const std::string& stdout_file = {})
        : out_(capture("out")), err_(capture("err"))
    {
        // Prepared before the fork: a child may not allocate when a sanitizer or a thread is about.
        std::vector<char*> words;
        for (const std::string& word : argv)
            words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0)
            run(words.data(), stdout_file);
    }
    ~Process()
    {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        if (out_ >= 0)
            close(out_);
        if (err_ >= 0)
            close(err_);
    }
    Process(Process&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), out_(std::exchange(other.out_, -1)), err_(std::exchange(other.err_, -1))
    {
    }
    Process& operator=(Process&&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const { kill(pid_, number); }
    [[nodiscard]] std::string out() const { return content(out_); }
    [[nodiscard]] std::string err() const { return content(err_); }

    // Waits until stderr has this text; false when the process ended or time ran out before.
    [[nodiscard]] bool wait_for_text(std::string_view text, std::chrono::seconds limit)
    {
        for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
            if (err().find(text) != std::string::npos)
                return true;
            if (ended())
                return err().find(text) != std::string::npos;
            sleep_ms(10);
        }
        return false;
    }

    // Fails the test when it takes longer.
    Outcome wait(std::chrono::seconds limit = patience(30))
    {
        for (const auto end = std::chrono::steady_clock::now() + limit; !ended(); sleep_ms(5)) {
            if (std::chrono::steady_clock::now() < end)
                continue;
            FAIL("a process did not end in time; its stderr: " << err());
        }
        return {*status_, out(), err()};
    }

    [[nodiscard]] bool ended()
    {
        if (status_)
            return true;
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) != pid_)
            return false;
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        pid_ = -1;
        return true;
    }

private:
    static int capture(const char* name)
    {
        const int fd = memfd_create(name, MFD_CLOEXEC);
        REQUIRE(fd >= 0);
        return fd;
    }

    static std::string content(int fd)
    {
        std::string text;
        char piece[8192];
        for (ssize_t got = 0; (got = pread(fd, piece, sizeof piece, static_cast<off_t>(text.size()))) > 0;) {
            text.append(piece, static_cast<std::size_t>(got));
        }
        return text;
    }

    // In the child: only what may be called after a fork.
    [[noreturn]] void run(char* const* argv, const std::string& stdout_file)
    {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        const int out = stdout_file.empty() ? out_ : open(stdout_file.c_str(), O_WRONLY | O_CLOEXEC);
        if (dup2(nothing, 0) < 0 || dup2(out, 1) < 0 || dup2(err_, 2) < 0)
            _exit(126);
        execvp(argv[0], argv);
        _exit(127);
    }

    pid_t pid_ = -1;
    int out_ = -1, err_ = -1;
    std::optional<int> status_;
};

}  // namespace flyball::test
