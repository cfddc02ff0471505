# %% [markdown]
# # Signing and verifying · 签名与验证
#
# Detection is a race. The other way is to say where a file comes from while that is still known: a credential
# inside the file, signed (C2PA), a watermark for when it
# gets lost, labels. Everything stays on this machine; keys are made in a folder of their own.

# %%
import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from zhenwei.cli import main

folders = [Path.cwd(), *Path.cwd().parents]
root = next(folder for folder in folders if (folder / "examples" / "media").is_dir())
work = Path(tempfile.mkdtemp())
os.environ["ZHENWEI_HOME"] = str(work / "home")
photo = work / "photo.jpg"
shutil.copyfile(root / "examples" / "media" / "astronaut.jpg", photo)


def zhenwei(*words):
    """What a command says, as in the terminal, without the folder's name."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = main([str(word) for word in words])
    print(said.getvalue().replace(f"{work}/", "").strip(), f"\n[exit status {status}]")


# %% [markdown]
# ## Sign

# %%
zhenwei("protect", "sign", photo, "--claim", "captured")
signed = work / "photo.signed.jpg"

# %% [markdown]
# ## Verify
#
# An intact credential says who signed and that not a byte changed since. Here the signer is a key of this
# machine, which is on nobody's list of trust.

# %%
zhenwei("verify", signed)

# %% [markdown]
# ## Change one thing
#
# A single pixel's worth of change breaks the signature.

# %%
data = bytearray(signed.read_bytes())
data[-2000] ^= 1
tampered = work / "tampered.jpg"
tampered.write_bytes(bytes(data))
zhenwei("verify", tampered)

# %% [markdown]
# ## Save it anew, as every platform does
#
# The credential is gone. The watermark is what is left.

# %%
resaved = work / "resaved.jpg"
Image.open(signed).convert("RGB").save(resaved, quality=80)
zhenwei("verify", resaved)

# %% [markdown]
# None of this says that a picture is true. It says who claims what, and whether anything changed since. Where
# nothing is found, nothing follows.
