"""Writes the images of this folder, and beside each NAME.EXT the pixels that PIL reads from it, NAME.EXT.expected.png.

    python make_fixtures.py      (with Pillow and NumPy; the files here were made with Pillow 12.3 and libjpeg-turbo)

16-bit grey is the exception: PIL clips it at 255, which makes a white image; here the high byte is expected.
"""
import io, pathlib, struct, zlib
import numpy as np
from PIL import Image, ImageCms, ImageOps

HERE = pathlib.Path(__file__).parent
W, H = 21, 13
y, x = np.mgrid[0:H, 0:W]
SAMPLES = np.stack([127 + 120 * np.sin(x / 4 + y / 7), 127 + 120 * np.cos(x / 3), 10 * x + 3 * y], -1).clip(0, 255).astype("uint8")
IMAGE = Image.fromarray(SAMPLES)


def put(name, data, expected=None):
    (HERE / name).write_bytes(data)
    expected = expected or ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    expected.save(HERE / (name + ".expected.png"), optimize=True)


def save(name, image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG" if name.endswith("jpg") else name[-3:].upper(), **options)
    put(name, file.getvalue())
    return file.getvalue()


def without_jfif(data):
    at = data.index(b"JFIF\0")
    return data[:at - 4] + data[at - 2 + int.from_bytes(data[at - 2:at], "big"):]


def png(name, bits, color, samples, interlaced=False, expected=None):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = b"".join(b"\0" + row.tobytes() for left, top, right, down in passes for row in samples[top::down, left::right] if row.size)
    header = struct.pack(">IIBBBBB", W, H, bits, color, 0, 0, int(interlaced))
    put(name, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""), expected)


save("baseline420.jpg", IMAGE, quality=85, subsampling=2)
save("baseline422.jpg", IMAGE, quality=85, subsampling=1)
plain = save("baseline444.jpg", IMAGE, quality=85, subsampling=0)
save("progressive.jpg", IMAGE, quality=85, progressive=True)
save("restarts.jpg", IMAGE, quality=85, restart_marker_blocks=1)
save("grey.jpg", IMAGE.convert("L"))
save("rgb.jpg", IMAGE, quality=95, keep_rgb=True)
put("without_jfif.jpg", without_jfif(plain))
put("profile_first.jpg", without_jfif(plain).replace(b"\xff\xd8", b"\xff\xd8\xff\xe2\0\x14ICC_PROFILE\0\1\1junk", 1))
save("cmyk_progressive.jpg", IMAGE.convert("CMYK"), quality=90, progressive=True)
cmyk = save("cmyk_adobe.jpg", IMAGE.convert("CMYK"), quality=90)
adobe = cmyk.index(b"Adobe")
put("ycck.jpg", cmyk[:adobe + 11] + b"\2" + cmyk[adobe + 12:])
put("cmyk_plain.jpg", cmyk[:adobe - 4] + cmyk[adobe + 12:])

save("grey.png", IMAGE.convert("L"))
save("black_and_white.png", IMAGE.convert("1"))
save("palette.png", IMAGE.quantize(200))
save("palette4.png", IMAGE.quantize(7), bits=4, transparency=3)
rgba = IMAGE.copy()
rgba.putalpha(IMAGE.convert("L"))
save("rgba.png", rgba)
save("grey_alpha.png", rgba.convert("LA"))
save("transparent_color.png", IMAGE, transparency=(3, 4, 5))
png("interlaced.png", 8, 2, SAMPLES, interlaced=True)
wide = (SAMPLES.astype("uint16") * 256 + 77).astype(">u2")
png("rgb16.png", 16, 2, wide)
png("grey16.png", 16, 0, wide[:, :, 0], expected=Image.fromarray(SAMPLES[:, :, 0]).convert("RGB"))

save("rgb.bmp", IMAGE)
save("palette.bmp", IMAGE.quantize(16))
save("palette.gif", IMAGE.quantize(50))


# ---- what files of the field carry: orientation in other places, profiles, missing ends, frames that are a part


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def chunks(before=b"", after=b"", end=chunk(b"IEND", b""), checksum=None):
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in SAMPLES)))
    pixels = pixels[:-4] + (checksum or pixels[-4:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 0)) + before + pixels + after + end


def tiff(kind):
    return b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, kind, 1, 6) + b"\0\0\0\0"


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
RAW = b"\nexif\n%8d\n" % (len(tiff(3)) + 6) + (b"Exif\0\0" + tiff(3)).hex().encode() + b"\n"
put("exif_after.png", chunks(after=chunk(b"eXIf", tiff(3))))
put("exif_text.png", chunks(before=chunk(b"tEXt", b"Raw profile type exif\0" + RAW)))
put("exif_deflated.png", chunks(before=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(RAW))))
put("xmp.png", chunks(before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)))
save("xmp.jpg", IMAGE, quality=90, xmp=XMP)
put("exif_long.jpg", plain.replace(b"\xff\xd8", b"\xff\xd8\xff\xe1" + struct.pack(">H", len(tiff(4)) + 8) + b"Exif\0\0" + tiff(4), 1))
put("no_end.png", chunks(end=b""))
put("half_end.png", chunks(end=chunk(b"IEND", b"")[:6]))
put("zeros_for_end.png", chunks(end=bytes(700)))
put("wrong_checksum.png", chunks(checksum=b"\1\2\3\4"))
profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
profile[red:red + 4], profile[green:green + 4] = b"gXYZ", b"rXYZ"
save("profile.png", IMAGE, icc_profile=bytes(profile))
save("profile.jpg", IMAGE, quality=90, icc_profile=bytes(profile))


def frame(name, left, top, transparent=None, trailer=b";"):
    file = io.BytesIO()
    IMAGE.quantize(16).crop((0, 0, 20, 10)).save(file, "GIF")
    gif = bytearray(file.getvalue()[:-1] + trailer)
    at = gif.index(b",", 13 + 3 * (2 << (gif[10] & 7)))
    gif[6:10] = struct.pack("<HH", W, H)
    gif[at + 1:at + 5] = struct.pack("<HH", left, top)
    if transparent is not None:
        gif[at:at] = b"\x21\xf9\4\1\0\0" + bytes([transparent, 0])
    put(name, bytes(gif))


frame("part.gif", 5, 4)
frame("part_transparent.gif", 5, 4, transparent=3)
frame("part_beyond.gif", W - 10, H - 5)
frame("no_end.gif", 5, 4, trailer=b"")



def page(name, image, **options):
    file = io.BytesIO()
    image.save(file, "TIFF", **options)
    put(name, file.getvalue())


page("rgb.tif", IMAGE)
page("lzw.tif", IMAGE, compression="tiff_lzw")
page("grey.tif", IMAGE.convert("L"))
page("cmyk.tif", IMAGE.convert("CMYK"))
turned = Image.Exif()
turned[0x112] = 6
page("exif.tif", IMAGE, exif=turned)
