"""One case as one file: made where the platform is, checked anywhere without it.

manifest.json     the case, the chain's length and head, every other file's SHA-256, in the order of the file
manifest.sig      the lender's Ed25519 signature over the bytes of manifest.json
chain.jsonl       the chain as it is stored, an entry a line; of other cases of the customer the hashes alone
checkpoints.json  what the lender had signed about the chain before
keys.json         what opens the sealed fields of these entries, and nothing else; {} in a sealed bundle
timeline.json     the case's events with their words in both languages
discarded.json    what operators have discarded of the case: it is not part of the chain
documents/        agreements as they were drafted and signed
index.html        all of it to read; index.zh.html in Chinese
"""

from services.console.bundle.checking import Fault, Report, check_bundle
from services.console.bundle.making import Source, make_bundle

__all__ = ["Fault", "Report", "Source", "check_bundle", "make_bundle"]
