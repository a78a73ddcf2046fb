import { crc32, deflateRawSync } from 'node:zlib'

/** Deflated already. `size` and `checksum` are those of what comes out. */
export type Packed = { bytes: Buffer; size: number; checksum: number }

export type ZipPart = { name: string; content: Buffer | Packed }

const pack = (content: Buffer): Packed => ({
  bytes: deflateRawSync(content),
  size: content.length,
  checksum: crc32(content),
})

/** A ZIP file of these parts, deflated. */
export function zip(parts: ZipPart[], comment = Buffer.alloc(0)): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const { name, content } of parts) {
    const packed = Buffer.isBuffer(content) ? pack(content) : content
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(8, 4)
    shared.writeUInt32LE(packed.checksum, 10)
    shared.writeUInt32LE(packed.bytes.length, 14)
    shared.writeUInt32LE(packed.size, 18)
    shared.writeUInt16LE(name.length, 22)
    locals.push(Buffer.from('PK\x03\x04', 'latin1'), shared, Buffer.from(name), packed.bytes)
    entries.push(zipEntry(shared, offset), Buffer.from(name))
    offset += 30 + name.length + packed.bytes.length
  }
  return Buffer.concat([...locals, ...entries, zipEnd(Buffer.concat(entries).length, parts.length, offset, comment)])
}

function zipEntry(shared: Buffer, offset: number): Buffer {
  const rest = Buffer.alloc(14)
  rest.writeUInt32LE(offset, 10)
  return Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, rest])
}

export function zipEnd(directoryBytes: number, count: number, offset: number, comment = Buffer.alloc(0)): Buffer {
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directoryBytes, 12)
  end.writeUInt32LE(offset, 16)
  end.writeUInt16LE(comment.length, 20)
  return Buffer.concat([end, comment])
}
