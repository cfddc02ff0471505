"""The autoencoder swap: two people, one encoder, two decoders; faces of 128 px and below, from files, with consent."""
