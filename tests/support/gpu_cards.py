"""Cards, as the compiler and the roofline need to know them: makers' data sheets."""

from dataclasses import dataclass

GB, TERA = 10**9, 1e12


@dataclass(frozen=True)
class Card:
    """Memory in bytes, bandwidth in bytes a second, rates of products in operations a
    second; float64 is that of tensor cores where there are some."""

    name: str
    capability: tuple[int, int]
    cores: int
    memory: int
    bandwidth: float
    cache: int
    shared: int
    threads: int
    clock: float
    float32: float
    float64: float

    def described(self) -> str:
        """The card as the text of XLA's GpuTargetConfigProto."""
        major, minor = self.capability
        return f"""
gpu_device_info {{
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: {self.shared}
  threads_per_core_limit: {self.threads}
  core_count: {self.cores}
  fpus_per_core: {64 if self.capability == (8, 0) else 128}
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  thread_dim_limit_x: 1024
  thread_dim_limit_y: 1024
  thread_dim_limit_z: 64
  memory_bandwidth: {self.bandwidth:.0f}
  l2_cache_size: {self.cache}
  clock_rate_ghz: {self.clock}
  device_memory_size: {self.memory}
  shared_memory_per_block_optin: {101_376 if major == 12 else self.shared - 1024}
  cuda_compute_capability {{ major: {major} minor: {minor} }}
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 }}
device_description_str: "NVIDIA {self.name}"
"""


# (name, capability, cores, memory, bandwidth, L2, shared memory and threads of a core, clock,
# float32, float64)
CARDS = {
    "a100": Card(
        *("A100 (SXM, 80 GB)", (8, 0), 108, 85 * GB, 2.04e12, 41_943_040, 167_936),
        *(2048, 1.41, 19.5 * TERA, 19.5 * TERA),
    ),
    "h100": Card(
        *("H100 (SXM)", (9, 0), 132, 84_978_434_048, 3.35e12, 52_428_800, 233_472),
        *(2048, 1.98, 67 * TERA, 67 * TERA),
    ),
    "h200": Card(
        *("H200", (9, 0), 132, 151 * GB, 4.8e12, 52_428_800, 233_472),
        *(2048, 1.98, 67 * TERA, 67 * TERA),
    ),
    "b200": Card(
        *("B200", (10, 0), 148, 191_514_411_008, 7.67e12, 132_644_864, 233_472),
        *(2048, 1.965, 75 * TERA, 37 * TERA),
    ),
    "rtx": Card(
        *("RTX 5090", (12, 0), 170, 34 * GB, 1.79e12, 100_663_296, 102_400),
        *(1536, 2.41, 104.8 * TERA, 1.64 * TERA),
    ),
}
