// Drives a fuzz target without libFuzzer: replays a corpus, then mutates it for a bounded number of runs.
// The input that crashed it is left in ./crash-NAME. A given seed gives the same inputs again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 12> kInteresting{0x00, 0x01, 0x7f, 0x80, 0xff, '0', '9', '-', ' ', '\n', '"', '/'};

const std::uint8_t* current_data = nullptr;
std::size_t current_size = 0;
char crash_file[256] = "crash";

// Called from signal handlers: only async-signal-safe functions.
void save_current()
{
    const int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return;
    }
    [[maybe_unused]] const ssize_t written = write(fd, current_data, current_size);
    close(fd);
}

void on_crash(int signal_number)
{
    save_current();
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

void run_one(const Input& input)
{
    // A copy of exactly this size: AddressSanitizer then sees a read past its end.
    const auto exact = std::make_unique<std::uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), exact.get());
    current_data = exact.get();
    current_size = input.size();
    LLVMFuzzerTestOneInput(exact.get(), input.size());
    current_data = nullptr;
    current_size = 0;
}

class Mutator {
public:
    Mutator(std::uint64_t seed, std::size_t max_len) : random_(seed), max_len_(max_len) {}

    Input next(const std::vector<Input>& corpus)
    {
        Input input = corpus.empty() ? Input{} : corpus[below(corpus.size())];
        const std::size_t steps = 1 + below(8);
        for (std::size_t i = 0; i < steps; ++i) {
            step(input, corpus);
        }
        if (input.size() > max_len_) {
            input.resize(max_len_);
        }
        return input;
    }

private:
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(random_() & 0xff); }
    auto at(Input& input, std::size_t offset) { return input.begin() + static_cast<std::ptrdiff_t>(offset); }

    void step(Input& input, const std::vector<Input>& corpus)
    {
        const std::size_t kind = input.empty() ? 0 : below(8);
        const std::size_t offset = input.empty() ? 0 : below(input.size());
        switch (kind) {
        case 0: {  // insert random bytes
            Input fresh(1 + below(16));
            std::generate(fresh.begin(), fresh.end(), [this] { return byte(); });
            input.insert(at(input, offset), fresh.begin(), fresh.end());
            break;
        }
        case 1:
            input[offset] ^= static_cast<std::uint8_t>(1U << below(8));
            break;
        case 2:
            input[offset] = byte();
            break;
        case 3:
            input[offset] = kInteresting[below(kInteresting.size())];
            break;
        case 4:
            input.resize(offset);  // truncate
            break;
        case 5: {  // erase
            const std::size_t length = 1 + below(input.size() - offset);
            input.erase(at(input, offset), at(input, offset + length));
            break;
        }
        case 6: {  // repeat a piece
            const std::size_t length = 1 + below(std::min<std::size_t>(input.size() - offset, 64));
            const Input piece(at(input, offset), at(input, offset + length));
            input.insert(at(input, below(input.size())), piece.begin(), piece.end());
            break;
        }
        default: {  // splice with another input
            const Input& other = corpus.empty() ? input : corpus[below(corpus.size())];
            Input tail;
            if (!other.empty()) {
                tail.assign(other.begin() + static_cast<std::ptrdiff_t>(below(other.size())), other.end());
            }
            input.resize(offset);
            input.insert(input.end(), tail.begin(), tail.end());
            break;
        }
        }
    }

    std::mt19937_64 random_;
    std::size_t max_len_;
};

struct Options {
    std::uint64_t runs = 20000;
    std::uint64_t seed = 1;
    std::uint64_t max_len = 4096;
    std::uint64_t seconds = 10;
    std::vector<std::string> corpora;
};

bool take(std::string_view argument, std::string_view name, std::uint64_t& value)
{
    if (!argument.starts_with(name)) {
        return false;
    }
    value = std::strtoull(std::string(argument.substr(name.size())).c_str(), nullptr, 10);
    return true;
}

Options parse(int argc, char** argv)
{
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (take(argument, "-runs=", options.runs) || take(argument, "-seed=", options.seed) ||
            take(argument, "-max_len=", options.max_len) || take(argument, "-max_total_time=", options.seconds)) {
            continue;
        }
        if (argument.starts_with('-')) {
            std::fprintf(stderr, "usage: %s [-runs=N] [-seed=N] [-max_len=BYTES] [-max_total_time=S] [CORPUS...]\n",
                         argv[0]);
            std::exit(2);
        }
        options.corpora.emplace_back(argument);
    }
    return options;
}

void read_corpus(const std::filesystem::path& path, std::vector<Input>& corpus)
{
    if (std::filesystem::is_directory(path)) {
        std::vector<std::filesystem::path> entries;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
            if (entry.is_regular_file()) {
                entries.push_back(entry.path());
            }
        }
        std::sort(entries.begin(), entries.end());
        for (const auto& entry : entries) {
            read_corpus(entry, corpus);
        }
        return;
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "fuzz: cannot read %s\n", path.c_str());
        std::exit(2);
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

int main(int argc, char** argv)
{
    const Options options = parse(argc, argv);
    std::snprintf(crash_file, sizeof crash_file, "crash-%s", std::filesystem::path(argv[0]).filename().c_str());
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(save_current);
    } else {
        for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
            std::signal(signal_number, on_crash);
        }
    }

    std::vector<Input> corpus;
    for (const auto& path : options.corpora) {
        read_corpus(path, corpus);
    }
    run_one({});
    for (const auto& input : corpus) {
        run_one(input);
    }

    Mutator mutator(options.seed, options.max_len);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
    std::uint64_t runs = 0;
    while (runs < options.runs && std::chrono::steady_clock::now() < end) {
        run_one(mutator.next(corpus));
        ++runs;
    }
    std::printf("%zu corpus inputs, %llu mutations\n", corpus.size(), static_cast<unsigned long long>(runs));
    std::printf("%d passed, %d failed, 0 skipped\n", runs > 0 ? 1 : 0, runs > 0 ? 0 : 1);
    return runs > 0 ? 0 : 1;
}
