#pragma once

#include <string>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::containers {

// What a URI of a task asks for, understood and checked (reference 5.6).
struct FetchSource {
  enum class Scheme { kFile, kNetwork };
  Scheme scheme = Scheme::kFile;
  // The absolute path of a file, or the URL as it was written.
  std::string location;
  // Where it goes, relative to the sandbox; never leads out of it.
  std::string output;
  bool executable = false;
  bool extract = false;  // Wanted, and the name is one of an archive.
  bool cache = false;
};

// kInvalid with a sentence that quotes the URI: an unknown scheme, no path, an output file outside
// of the sandbox, a relative path without `frameworks_home`.
Result<FetchSource> ParseFetchUri(const mesos::v1::CommandInfo::URI& uri,
                                  const std::string& frameworks_home);

// True for the names that are unpacked: tar, tgz, tar.gz, tbz2, tar.bz2, txz, tar.xz, zip, and gz
// of a single file.
bool IsArchiveName(const std::string& name);

}  // namespace tepui::containers
