// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/agent_flags_unsupported.h"

#include <string>

namespace tepui::cli {
namespace {

void DeclareUnsupportedNetwork(FlagTable* table) {
  const std::string mapping = "there is no network/port_mapping isolation";
  const std::string ports = "there is no network/ports isolation yet";
  const std::string cni = "there is no network/cni isolation yet";
  table->AddUnsupported("ephemeral_ports_per_container", "1024", mapping);
  for (const char* name :
       {"eth0_name", "lo_name", "egress_rate_limit_per_container", "egress_rate_per_cpu",
        "minimum_egress_rate_limit", "maximum_egress_rate_limit", "egress_ceil_limit",
        "egress_burst", "ingress_rate_limit_per_container", "ingress_rate_per_cpu",
        "minimum_ingress_rate_limit", "maximum_ingress_rate_limit", "ingress_ceil_limit",
        "ingress_burst", "network_link_speed", "network_rate_statistics_window",
        "network_rate_statistics_interval"}) {
    table->AddUnsupported(name, "", mapping);
  }
  table->AddUnsupported("egress_flow_classifier_parent", "root", mapping);
  table->AddUnsupported("ingress_isolate_existing_containers", "true", mapping);
  for (const char* name :
       {"egress_unique_flow_per_container", "network_enable_socket_statistics_summary",
        "network_enable_socket_statistics_details", "network_enable_snmp_statistics",
        "network_enable_rate_statistics"}) {
    table->AddUnsupported(name, "false", mapping);
  }
  table->AddUnsupported("container_ports_watch_interval", "30secs", ports);
  table->AddUnsupported("check_agent_port_range_only", "false", ports);
  table->AddUnsupported("enforce_container_ports", "false", ports);
  table->AddUnsupported("container_ports_isolated_range", "", ports);
  table->AddUnsupported("network_cni_plugins_dir", "", cni);
  table->AddUnsupported("network_cni_config_dir", "", cni);
  table->AddUnsupported("network_cni_root_dir_persist", "false", cni);
  table->AddUnsupported("network_cni_metrics", "true", cni);
}

void DeclareUnsupportedImages(FlagTable* table) {
  const std::string docker = "there is no Docker containerizer yet";
  const std::string images = "there are no container images yet";
  table->AddUnsupported("containerizers", "mesos", docker);
  table->AddUnsupported("docker", "docker", docker);
  table->AddUnsupported("docker_socket", "/var/run/docker.sock", docker);
  table->AddUnsupported("docker_config", "", docker);
  table->AddUnsupported("docker_remove_delay", "6hrs", docker);
  table->AddUnsupported("docker_kill_orphans", "true", docker);
  table->AddUnsupported("docker_mesos_image", "", docker);
  table->AddUnsupported("docker_stop_timeout", "0ns", docker);
  table->AddUnsupported("docker_volume_checkpoint_dir", "/var/run/mesos/isolators/docker/volume",
                        docker);
  table->AddUnsupported("docker_volume_chown", "false", docker);
  table->AddUnsupported("docker_registry", "https://registry-1.docker.io", images);
  table->AddUnsupported("docker_store_dir", "", images);
  table->AddUnsupported("docker_ignore_runtime", "false", images);
  table->AddUnsupported("image_providers", "", images);
  table->AddUnsupported("image_provisioner_backend", "", images);
  table->AddUnsupported("image_gc_config", "", images);
  table->AddUnsupported("appc_simple_discovery_uri_prefix", "http://", images);
  table->AddUnsupported("appc_store_dir", "", images);
}

void DeclareUnsupportedContainers(FlagTable* table) {
  const std::string cgroups = "there is no such cgroups isolation yet";
  const std::string linux_isolation = "there is no such Linux isolation yet";
  const std::string disk = "there is no disk isolation yet";
  table->AddUnsupported("default_container_info", "", "tasks set up their containers themselves");
  table->AddUnsupported("default_container_dns", "",
                        "containers use the name servers of the machine");
  table->AddUnsupported("container_logger", "",
                        "stdout and stderr are written to files in the sandbox");
  table->AddUnsupported("secret_resolver", "", "secrets cannot be resolved");
  table->AddUnsupported("sandbox_directory", "/mnt/mesos/sandbox",
                        "containers have no file system of their own yet");
  table->AddUnsupported("default_container_shm_size", "", linux_isolation);
  table->AddUnsupported("disallow_sharing_agent_ipc_namespace", "false", linux_isolation);
  table->AddUnsupported("disallow_sharing_agent_pid_namespace", "false", linux_isolation);
  table->AddUnsupported("host_path_volume_force_creation", "", linux_isolation);
  table->AddUnsupported("seccomp_config_dir", "", linux_isolation);
  table->AddUnsupported("seccomp_profile_name", "", linux_isolation);
  table->AddUnsupported("nvidia_gpu_devices", "", "GPUs are not managed yet");
  table->AddUnsupported("cgroups_destroy_timeout", "1mins", cgroups);
  table->AddUnsupported("cgroups_cpu_enable_pids_and_tids_count", "false", cgroups);
  table->AddUnsupported("cgroups_net_cls_primary_handle", "", cgroups);
  table->AddUnsupported("cgroups_net_cls_secondary_handles", "", cgroups);
  table->AddUnsupported("allowed_devices", "", cgroups);
  table->AddUnsupported("agent_subsystems", "", cgroups).Alias("slave_subsystems");
  table->AddUnsupported("perf_events", "", cgroups);
  table->AddUnsupported("perf_interval", "1mins", cgroups);
  table->AddUnsupported("perf_duration", "10secs", cgroups);
  table->AddUnsupported("revocable_cpu_low_priority", "true", cgroups);
  table->AddUnsupported("systemd_enable_support", "true",
                        "tasks are not put into a slice of systemd");
  table->AddUnsupported("systemd_runtime_directory", "/run/systemd/system",
                        "tasks are not put into a slice of systemd");
  table->AddUnsupported("container_disk_watch_interval", "15secs", disk);
  table->AddUnsupported("enforce_container_disk_quota", "false", disk);
  table->AddUnsupported("xfs_project_range", "[5000-10000]", disk);
  table->AddUnsupported("xfs_kill_containers", "false", disk);
  table->AddUnsupported("xfs_quota_headroom", "10MB", disk);
}

}  // namespace

void DeclareUnsupportedAgentFlags(FlagTable* table) {
  const std::string authentication = "there is no authentication yet";
  const std::string modules =
      "Mesos modules are shared objects built against Mesos and cannot be loaded";
  const std::string domain_socket = "executors reach the agent over TCP";
  table->AddUnsupported("launcher_dir", "", "the agent contains the program that starts tasks");
  table->AddUnsupported("agent_features", "", "the agent always has all of its capabilities");
  table->AddUnsupported("ip6", "", "the program listens on one address only");
  table->AddUnsupported("ip6_discovery_command", "", "the program listens on one address only");
  table->AddUnsupported("hadoop_home", "", "hdfs URIs cannot be fetched");
  table->AddUnsupported("authenticatee", "crammd5", authentication);
  table->AddUnsupported("credential", "", authentication);
  table->AddUnsupported("authentication_backoff_factor", "1secs", authentication);
  table->AddUnsupported("authentication_timeout_min", "5secs", authentication)
      .Alias("authentication_timeout");
  table->AddUnsupported("authentication_timeout_max", "1mins", authentication);
  table->AddUnsupported("authorizer", "local", "there is no authorization yet");
  table->AddUnsupported("http_credentials", "", authentication);
  table->AddUnsupported("http_heartbeat_interval", "30secs",
                        "there is no streaming operator call on the agent yet");
  table->AddUnsupported("executor_reregistration_retry_interval", "",
                        "executors reconnect by themselves");
  table->AddUnsupported("http_command_executor", "false",
                        "command tasks need no executor process here");
  table->AddUnsupported("http_executor_domain_sockets", "false", domain_socket);
  table->AddUnsupported("domain_socket_location", "", domain_socket);
  table->AddUnsupported("volume_gid_range", "", "persistent volumes get no groups of their own");
  table->AddUnsupported("gc_non_executor_container_sandboxes", "false",
                        "there are no standalone containers yet");
  table->AddUnsupported("resource_estimator", "", modules);
  table->AddUnsupported("qos_controller", "", modules);
  table->AddUnsupported("qos_correction_interval_min", "0ns", modules);
  table->AddUnsupported("oversubscribed_resources_interval", "15secs", modules);
  table->AddUnsupported("resource_provider_config_dir", "", "there are no resource providers yet");
  table->AddUnsupported("csi_plugin_config_dir", "", "there is no CSI storage yet");
  table->AddUnsupported("disk_profile_adaptor", "", modules);
  DeclareUnsupportedContainers(table);
  DeclareUnsupportedImages(table);
  DeclareUnsupportedNetwork(table);
}

}  // namespace tepui::cli
