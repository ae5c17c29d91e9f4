"""GPUs that are commonly rented: price, peak and memory. Prices move: `budget.usd_per_hour` says your own.

Prices are on-demand list prices of RunPod as of March 2026, as collected by deploybase.ai ("RunPod GPU Pricing",
2026-03-10); the A100's is this project's default and of no source. Peaks are dense bf16 (fp16 on the RTX cards, fp32
accumulation) of NVIDIA's data sheets, without sparsity.
"""

from dataclasses import dataclass

PRICES_AS_OF = "March 2026"


@dataclass(frozen=True, slots=True)
class Gpu:
    usd_per_hour: float
    peak_tflops: float  # dense bf16
    memory_gb: float


GPUS = {
    "RTX-3090": Gpu(0.39, 71, 24),
    "RTX-4090": Gpu(0.60, 165, 24),
    "L4": Gpu(0.78, 121, 24),
    "L40S": Gpu(1.40, 362, 48),
    "A100-80GB": Gpu(1.64, 312, 80),
    "A100-SXM": Gpu(2.45, 312, 80),
    "H100-PCIe": Gpu(3.51, 756, 80),
    "H100-SXM": Gpu(4.76, 989, 80),
    "H200": Gpu(6.35, 989, 141),
}
