/** Generated bindings of the vendors' libraries, which are found and loaded at run time. */
@SuppressWarnings("module") // dev.cocoli is compiled after this module
module dev.cocoli.bindings {
  // has resources alone: oneDNN and OpenMP
  requires dev.cocoli.natives;

  exports dev.cocoli.bindings;
  exports dev.cocoli.bindings.access to
      dev.cocoli;
  exports dev.cocoli.bindings.cache to
      dev.cocoli;
  exports dev.cocoli.bindings.cublas to
      dev.cocoli;
  exports dev.cocoli.bindings.cudart to
      dev.cocoli;
  exports dev.cocoli.bindings.cudnn to
      dev.cocoli;
  exports dev.cocoli.bindings.nccl to
      dev.cocoli;
  exports dev.cocoli.bindings.nvrtc to
      dev.cocoli;
  exports dev.cocoli.bindings.onednn to
      dev.cocoli;
  exports dev.cocoli.bindings.status to
      dev.cocoli;
}
