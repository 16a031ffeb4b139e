// SPDX-License-Identifier: Apache-2.0
// libbpf has one print callback for the whole process. This guard takes it for a scope, keeps
// what matters of a failed load (which program, why) and puts the old one back.
#pragma once

#include <bpf/libbpf.h>

#include <string>

namespace flyball::probe {

class BpfLog {
public:
    explicit BpfLog(bool verbose);
    ~BpfLog();
    BpfLog(const BpfLog&) = delete;
    BpfLog& operator=(const BpfLog&) = delete;

    // Name of the program whose load failed, empty when none did.
    [[nodiscard]] const std::string& failed_program() const { return failed_program_; }
    // The verifier's last line of substance, or libbpf's own.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    static int print(enum libbpf_print_level level, const char* format, va_list args);
    void take(const std::string& line);

    bool verbose_;
    libbpf_print_fn_t previous_;
    std::string failed_program_;
    std::string reason_;
};

}  // namespace flyball::probe
