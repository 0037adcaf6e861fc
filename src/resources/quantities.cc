// SPDX-License-Identifier: Apache-2.0
#include "resources/quantities.h"

#include <algorithm>
#include <cmath>

#include "resources/values.h"

namespace tepui {

Amount Amount::FromDouble(double value) { return Amount(std::llround(value * 1000)); }

Result<Amount> Amount::Checked(double value) {
  if (!std::isfinite(value))
    return Fail(Code::kInvalid, "the value {} is not a finite number", value);
  if (value < 0) return Fail(Code::kInvalid, "the value {} is negative", value);
  if (value > static_cast<double>(kMaxMilli) / 1000) {
    return Fail(Code::kInvalid, "the value {} is too large; at most {} can be counted exactly",
                value, kMaxMilli / 1000);
  }
  return FromDouble(value);
}

double Amount::ToDouble() const {
  const auto milli = static_cast<int64_t>(milli_);
  if (milli != milli_) return Approximate(milli_) / 1000.0;
  // Converts the whole part and the thousandths separately: only a value below one is divided, so
  // every amount gives the double that is nearest to its decimal form.
  // NOLINTNEXTLINE(bugprone-integer-division)
  return static_cast<double>(milli / 1000) + static_cast<double>(milli % 1000) / 1000.0;
}

std::string Amount::ToString() const { return fmt::format("{:.15g}", ToDouble()); }

Result<Quantities> Quantities::Parse(std::string_view text) {
  Quantities quantities;
  std::vector<ResourceName> seen;
  for (std::string_view token : SplitTrimmed(text, ';')) {
    const std::vector<std::string_view> parts = SplitTrimmed(token, ':');
    if (parts.size() != 2) {
      return Fail(Code::kInvalid, "'{}' is not a quantity; write name:amount, as in cpus:0.5",
                  token);
    }
    auto name = ResourceName::Of(parts[0]);
    if (!name) return Fail(name.error());
    auto value = ParseValue(parts[1]);
    if (!value) return Fail(Code::kInvalid, "quantity '{}': {}", token, value.error().message);
    if (value->type() != v1::Value::SCALAR) {
      return Fail(Code::kInvalid, "quantity '{}': the amount must be a number that is not negative",
                  token);
    }
    auto amount = Amount::Checked(value->scalar().value());
    if (!amount) return Fail(Code::kInvalid, "quantity '{}': {}", token, amount.error().message);
    if (std::ranges::find(seen, *name) != seen.end()) {
      return Fail(Code::kInvalid, "quantity '{}' is given more than once", name->text());
    }
    seen.push_back(*name);
    quantities.Set(*name, *amount);
  }
  return quantities;
}

namespace {

constexpr auto kByName = [](const Quantities::Entry& entry, const ResourceName& name) {
  return entry.first < name;
};

}  // namespace

Amount Quantities::Get(const ResourceName& name) const {
  // There are few entries, so a walk is faster than a search.
  for (const Entry& entry : entries_) {
    if (entry.first == name) return entry.second;
  }
  return Amount();
}

void Quantities::Set(const ResourceName& name, Amount amount) {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name, kByName);
  const bool found = it != entries_.end() && it->first == name;
  if (amount == Amount()) {
    if (found) entries_.erase(it);
  } else if (found) {
    it->second = amount;
  } else {
    entries_.insert(it, {name, amount});
  }
}

void Quantities::Add(const ResourceName& name, Amount amount) {
  if (amount == Amount()) return;
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name, kByName);
  if (it == entries_.end() || it->first != name) {
    entries_.insert(it, {name, amount});
    return;
  }
  it->second += amount;
  if (it->second == Amount()) entries_.erase(it);
}

bool Quantities::Contains(const Quantities& other) const {
  auto mine = entries_.begin();
  for (const Entry& theirs : other.entries_) {
    while (mine != entries_.end() && mine->first < theirs.first) ++mine;
    const bool found = mine != entries_.end() && mine->first == theirs.first;
    if ((found ? mine->second : Amount()) < theirs.second) return false;
  }
  return true;
}

Quantities& Quantities::operator+=(const Quantities& other) {
  if (&other == this) return *this += Quantities(other);
  // The names are nearly always the same, so amounts are added in place and insertions are rare.
  size_t at = 0;
  for (const Entry& theirs : other.entries_) {
    while (at < entries_.size() && entries_[at].first < theirs.first) ++at;
    if (at < entries_.size() && entries_[at].first == theirs.first) {
      entries_[at].second += theirs.second;
    } else {
      entries_.insert(entries_.begin() + static_cast<ptrdiff_t>(at), theirs);
    }
  }
  return *this;
}

Quantities& Quantities::operator-=(const Quantities& other) {
  if (&other == this) {
    entries_.clear();
    return *this;
  }
  size_t at = 0;
  bool emptied = false;
  for (const Entry& theirs : other.entries_) {
    while (at < entries_.size() && entries_[at].first < theirs.first) ++at;
    if (at == entries_.size()) break;
    if (entries_[at].first != theirs.first) continue;
    entries_[at].second = std::max(entries_[at].second - theirs.second, Amount());
    emptied |= entries_[at].second == Amount();
  }
  if (emptied) std::erase_if(entries_, [](const Entry& entry) { return entry.second == Amount(); });
  return *this;
}

std::string Quantities::ToString() const {
  if (entries_.empty()) return "{}";
  std::string out;
  for (const auto& [name, amount] : entries_) {
    if (!out.empty()) out += "; ";
    out += name.text() + ":" + amount.ToString();
  }
  return out;
}

}  // namespace tepui
