// SPDX-License-Identifier: Apache-2.0
// Where the tests run and what they run: the binaries, the lab or a host, short or long.
#pragma once

#include "support/catch.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace flyball::test {

inline constexpr std::uint64_t kMiB = 1U << 20U;
inline constexpr std::uint64_t kMs = 1'000'000;

inline bool environment_says(const char* name)
{
    const char* value = std::getenv(name);
    return value && *value && std::string_view(value) != "0";
}

inline bool in_lab()
{
    return environment_says("FLYBALL_LAB");
}
inline bool quick()
{
    return environment_says("FLYBALL_QUICK");
}
inline bool long_run()
{
    return environment_says("FLYBALL_LONG");
}

// Emulated machines are slow where the kernel works: waits are this much longer there.
inline std::chrono::seconds patience(int seconds)
{
    return std::chrono::seconds(in_lab() ? 4 * seconds : seconds);
}

inline std::string binary(const char* variable, const char* name)
{
    const char* given = std::getenv(variable);
    const std::string path = given && *given ? given : std::string(FLYBALL_BINARY_DIR "/") + name;
    INFO("set " << variable << " where it lies elsewhere");
    if (access(path.c_str(), X_OK) != 0)
        FAIL("there is no " << path);
    return path;
}
inline std::string flyball_binary()
{
    return binary("FLYBALL_BIN", "flyball");
}
inline std::string workload_binary()
{
    return binary("FLYBALL_WORKLOAD", "flyball-workload");
}

inline void require_root()
{
    if (geteuid() != 0)
        FB_SKIP("needs root");
}

inline std::uint64_t now_ns()
{
    timespec ts{};
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(ts.tv_nsec);
}

inline void sleep_ms(int ms)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Empty when it cannot be read.
inline std::string read_text(const std::string& path)
{
    const std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The number after NAME and blanks at the beginning of a line ("total=12" style: NAME with its '=').
inline std::uint64_t field(const std::string& text, std::string_view name)
{
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name))
            continue;
        const std::string rest = line.substr(name.size());
        if (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || name.back() == '='))
            return std::stoull(rest);
    }
    FAIL("no field " << name << " in: " << text);
    return 0;
}

// A file or directory name below a scratch directory of this process; gone at the end of the scope.
class Scratch {
public:
    explicit Scratch(std::string_view name, const std::string& directory = "/tmp")
        : path_(directory + "/flyball-test-" + std::to_string(getpid()) + "-" + std::string(name))
    {
    }
    ~Scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

// |a - b| in percent of b.
inline double percent_off(double a, double b)
{
    return b == 0 ? (a == 0 ? 0 : 100) : 100 * (a > b ? a - b : b - a) / b;
}

inline double share(std::uint64_t part, std::uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace flyball::test
