#include "fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace fairway::fuzz {
namespace {

using namespace std::string_view_literals;

// What parsers look for, and where their numbers end.
constexpr std::array kPieces = {"\0"sv,
                                "\xff"sv,
                                "\n"sv,
                                "\r\n"sv,
                                "\t"sv,
                                "{"sv,
                                "}"sv,
                                "["sv,
                                "]"sv,
                                "\""sv,
                                "'"sv,
                                "\\"sv,
                                ","sv,
                                ":"sv,
                                "- "sv,
                                "*"sv,
                                "&a "sv,
                                "*a"sv,
                                "<<: "sv,
                                "---\n"sv,
                                "%"sv,
                                "%2F"sv,
                                "//"sv,
                                ".."sv,
                                "#"sv,
                                "?"sv,
                                "~"sv,
                                "-1"sv,
                                "0"sv,
                                "1e999"sv,
                                "65536"sv,
                                "null"sv,
                                "true"sv,
                                "\\u0000"sv,
                                "\\ud800"sv,
                                "\xc0\x80"sv,
                                "{{"sv,
                                "}}"sv,
                                "::"sv,
                                "/33"sv,
                                "="sv,
                                "-----BEGIN CERTIFICATE-----\n"sv,
                                "2147483648"sv,
                                "4294967296"sv,
                                "9223372036854775808"sv,
                                "18446744073709551616"sv,
                                "-9223372036854775809"sv,
                                "\xff\xff\xff\xff\x0f"sv,
                                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,
                                "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"sv};

}  // namespace

// SplitMix64.
std::uint64_t Mutator::next() {
  auto z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

std::size_t Mutator::below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

void Mutator::change(std::string& text, const std::vector<std::string>& others) {
  const auto at = below(text.size() + 1);
  const auto length =
      text.empty() ? 0 : below(std::min<std::size_t>(text.size() - std::min(at, text.size() - 1), 64)) + 1;
  switch (below(10)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << below(8)));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(next());
      break;
    case 2: text.insert(at, 1, static_cast<char>(next())); break;
    case 3: text.erase(at, length); break;
    case 4: text.insert(at, kPieces[below(kPieces.size())]); break;
    case 5: text.replace(at, std::min(length, text.size() - at), kPieces[below(kPieces.size())]); break;
    case 6: text.insert(at, text.substr(below(text.size() + 1), length)); break;
    case 7: {
      const auto piece = text.substr(at, length);
      std::string many;
      for (std::size_t count = std::size_t{1} << below(10); count > 0 && many.size() < 16'384; --count) many += piece;
      text.insert(at, many);
      break;
    }
    case 8: text.resize(at); break;
    default: {
      const auto& other = others[below(others.size())];
      text.insert(at, other.substr(below(other.size() + 1), std::size_t{1} << below(12)));
    }
  }
}

std::string Mutator::mutate(std::string input, const std::vector<std::string>& others, std::size_t maxBytes) {
  for (auto changes = below(4) + 1; changes > 0; --changes) change(input, others);
  if (input.size() > maxBytes) input.resize(maxBytes);
  return input;
}

}  // namespace fairway::fuzz
