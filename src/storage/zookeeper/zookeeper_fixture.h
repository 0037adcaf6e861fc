// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of stores in ZooKeeper.

#include <memory>
#include <string>
#include <utility>

#include "base/owner_thread.h"
#include "storage/zookeeper/zookeeper_store.h"
#include "zookeeper/address.h"
#include "zookeeper/test_server.h"

namespace tepui::storage {

inline std::unique_ptr<ZooKeeperStore> OpenInZooKeeper(
    OwnerThread& owner, const std::string& address, Access access = Access::kWrite,
    const ZooKeeperStore::Options& options = {}) {
  std::unique_ptr<ZooKeeperStore> store;
  owner.loop().Run([&] {
    store = std::make_unique<ZooKeeperStore>(zookeeper::ParseAddress(address).value(), access,
                                             options, owner.loop(), owner.poster());
  });
  return store;
}

}  // namespace tepui::storage
