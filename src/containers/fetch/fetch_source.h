// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::containers {

// A URI of a task, parsed and checked (reference 5.6).
struct FetchSource {
  enum class Scheme { kFile, kNetwork };
  Scheme scheme = Scheme::kFile;
  // The absolute path of a file, or the URL exactly as given.
  std::string location;
  // The destination, relative to the sandbox; it is always inside the sandbox. Without an
  // output_file it is the last name of the path: what a URL has behind it (?query, #fragment) does
  // not count, and a name that is too long for a file is cut, but for the ending of an archive.
  std::string output;
  bool executable = false;
  bool extract = false;  // Requested, and the name is that of an archive.
  bool cache = false;
};

// Returns kInvalid, with a sentence that quotes the URI, for an unknown scheme, a missing path, an
// output file outside the sandbox, or a relative path without `frameworks_home`.
Result<FetchSource> ParseFetchUri(const mesos::v1::CommandInfo::URI& uri,
                                  const std::string& frameworks_home);

// Returns true for file names that are unpacked: those ending in tar, tgz, tar.gz, tbz2, tar.bz2,
// txz, tar.xz, zip, or gz (a single file).
bool IsArchiveName(const std::string& name);

}  // namespace tepui::containers
