// A driver of a machine without a GPU, as far as cuDNN looks for one before it compiles a kernel for a GPU that is only described.
#define NO_GPU 100

int cuInit(unsigned flags) { return NO_GPU; }
int cuDeviceGetCount(int* count) { *count = 0; return 0; }
int cuDriverGetVersion(int* version) { *version = 13000; return 0; }
int cuGetErrorName(int error, const char** name) { *name = "no GPU"; return 0; }
int cuGetErrorString(int error, const char** text) { *text = "no GPU"; return 0; }

// loaded, but of no consequence when nothing runs
#define NOTHING(name) int name(void) { return 0; }
NOTHING(cuCtxGetCurrent)
NOTHING(cuCtxGetLimit)
NOTHING(cuCtxPopCurrent)
NOTHING(cuCtxPushCurrent)
NOTHING(cuDeviceGet)
NOTHING(cuKernelGetAttribute)
NOTHING(cuKernelSetAttribute)
NOTHING(cuLaunchCooperativeKernel)
NOTHING(cuLaunchKernel)
NOTHING(cuLaunchKernelEx)
NOTHING(cuLibraryGetKernel)
NOTHING(cuLibraryLoadData)
NOTHING(cuLibraryLoadFromFile)
NOTHING(cuLibraryUnload)
NOTHING(cuLinkAddData)
NOTHING(cuLinkComplete)
NOTHING(cuLinkCreate)
NOTHING(cuLinkDestroy)
NOTHING(cuOccupancyMaxPotentialClusterSize)
NOTHING(cuStreamGetCtx)
