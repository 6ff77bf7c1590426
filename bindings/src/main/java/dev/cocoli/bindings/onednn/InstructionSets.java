package dev.cocoli.bindings.onednn;

import java.util.Map;

/** The names of oneDNN's instruction sets, which its C API gives as numbers only. */
final class InstructionSets {
  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(Dnnl.dnnl_cpu_isa_default(), "generic"),
          Map.entry(Dnnl.dnnl_cpu_isa_sse41(), "sse41"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx(), "avx"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx2(), "avx2"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx2_vnni(), "avx2_vnni"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx2_vnni_2(), "avx2_vnni_2"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core(), "avx512_core"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core_vnni(), "avx512_core_vnni"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core_bf16(), "avx512_core_bf16"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core_fp16(), "avx512_core_fp16"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core_amx(), "avx512_core_amx"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx512_core_amx_fp16(), "avx512_core_amx_fp16"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx10_2(), "avx10_2"),
          Map.entry(Dnnl.dnnl_cpu_isa_avx10_2_amx_2(), "avx10_2_amx_2"));

  private InstructionSets() {}

  /**
   * The name of a value of {@code dnnl_cpu_isa_t}; the number itself if the value is newer than
   * this table.
   */
  static String name(int isa) {
    return NAMES.getOrDefault(isa, "0x" + Integer.toHexString(isa));
  }
}
