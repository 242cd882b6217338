/* Wine 8 lacks bcryptprimitives.dll, from which Go programs take their random
 * numbers. This one forwards to the function that has always given them. */
#include <stddef.h>

#define DLL_EXPORT __declspec(dllexport)

unsigned char __stdcall SystemFunction036(void *buffer, unsigned long length);

DLL_EXPORT int __stdcall ProcessPrng(unsigned char *buffer, size_t length)
{
    while (length > 0) {
        unsigned long part = length > 0x10000000 ? 0x10000000 : (unsigned long)length;
        if (!SystemFunction036(buffer, part))
            return 0;
        buffer += part;
        length -= part;
    }
    return 1;
}
