// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <algorithm>

namespace flyball::diagnose {

using ledger::Blame;

const ledger::QuotaFinding* Evidence::quota(std::string_view path) const
{
    const auto found = std::ranges::find(books.quotas, path, &ledger::QuotaFinding::path);
    return found == books.quotas.end() ? nullptr : &*found;
}

std::vector<Blame> Evidence::queued_behind(const Finding& finding) const
{
    const std::string& path = finding.account.path;
    std::vector<const std::vector<Blame>*> lists;
    for (const ledger::IoBlame& io : books.io) {
        if (finding.subtree ? profile::in_subtree(io.path, path) : io.path == path)
            lists.push_back(&io.behind);
    }
    return merged(lists);
}

std::vector<std::pair<std::string, double>> spenders(const ledger::QuotaFinding& quota)
{
    std::uint64_t sum = 0;
    for (const Blame& spender : quota.spenders)
        sum += spender.ns;
    std::vector<std::pair<std::string, double>> shares;
    for (const Blame& spender : quota.spenders)
        shares.emplace_back(spender.path, ratio(spender.ns, sum));
    return shares;
}

}  // namespace flyball::diagnose
