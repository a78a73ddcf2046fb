import { done, from, shown } from './row.ts'

export const media = [
  ...from(
    'media: objects',
    'media',
    done('M-001', 'A form with a file is stored as it streams in, under a safe name of its own.'),
    done('M-002', 'A direct upload is judged when it is completed or first used, and never resolvable before.'),
    done('M-003', 'Objects are listed by pages, type and time, and only to whom they belong.'),
    done('M-004', 'Metadata tell size, hash, name, measures of pictures, pages of PDFs, and when an object expires.'),
    done('M-005', 'A deleted object is gone at once for everybody, and its bytes soon after.'),
    done('M-006', 'Objects expire, slots that nobody filled too, and bytes that no row names are removed.'),
    done('M-007', 'A quota of bytes and objects is kept under a rush and says what is left: 413 and 429.'),
    done('M-008', 'The text of PDF, Word, HTML, CSV and Markdown is read in a process of its own and kept.'),
    done(
      'M-009',
      'A scanner sees every object before anybody does, and may refuse it; without its word nothing is stored.',
    ),
    done('M-010', 'Images, PDF, Word, text, sound and video are known by their bytes.'),
    done(
      'M-011',
      'What is wrong, cut off, two things at once or of no known kind is a clear 4xx, and nothing of it stays.',
    ),
    done('M-012', 'The OpenAI SDK’s files work over the same objects, with OpenAI’s errors.'),
    done('M-013', '1 GiB goes through a form and back with at most 64 MiB more of memory.'),
    shown(
      'M-014',
      'Under kill -9 every acknowledged id of 500 uploads at once is readable, and nothing else is visible.',
      'make chaos ONLY=uploads',
    ),
    shown(
      'M-015',
      'Put and get stand in the bench as ratios to the disk alone and to S3 alone.',
      'make bench ONLY=media-transfer,media-transfer-s3',
    ),
  ),
  ...from(
    'media: what went wrong before',
    'media',
    done('M-016', 'No address inside is fetched, named outright or by a redirect, and no text tells one.'),
    done('M-017', 'user_id means nothing beside a token, and equal bytes of two workspaces are two objects.'),
    done('M-018', 'The service key acts for the user it names, and a wrong one is refused, also beside a good token.'),
    done('M-019', 'What a browser could run is only offered to save, and nothing is sniffed.'),
    done('M-020', 'Ids rise, and no two are alike.'),
    done('M-021', 'A failure of the other side is none of the caller’s: 502 and 504, beside 413 and 415.'),
    done('M-022', 'Resolve knows bare ids and escaped slashes, and names all ids that it does not know.'),
    done('M-023', 'An id that is named often is signed once.'),
    done('M-024', 'URLs are signed for the public endpoint from the start, its path once.'),
    done('M-025', 'Identical uploads at once are one object, and neither they nor a failed insert leave bytes behind.'),
    done('M-026', 'A body over the limit is refused before it is read, and a data URL before it is decoded.'),
    done('M-027', 'Downloads have a length, a tag, ranges and private caching.'),
  ),
  ...from(
    'media: files of programs',
    'media',
    done(
      'M-028',
      'An SVG is taken of our programs only, told by an internal token: a file to save, and no picture to a model.',
    ),
  ),
]
