// SPDX-License-Identifier: Apache-2.0
// libbpf has one print callback for the whole process. This guard takes it for a scope, keeps
// why a load failed and puts the old one back.
#pragma once

#include <bpf/libbpf.h>

#include <string>
#include <string_view>

namespace flyball::probe {

// The line of a verifier's log that says why; empty where there is none.
[[nodiscard]] std::string last_verdict(std::string_view log);

class BpfLog {
public:
    explicit BpfLog(bool verbose);
    ~BpfLog();
    BpfLog(const BpfLog&) = delete;
    BpfLog& operator=(const BpfLog&) = delete;

    // The verifier's last line of substance, or libbpf's own.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    static int print(enum libbpf_print_level level, const char* format, va_list args);
    void take(const std::string& line);

    bool verbose_;
    libbpf_print_fn_t previous_;
    std::string reason_;
};

}  // namespace flyball::probe
