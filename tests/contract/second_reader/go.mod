module scrip/tests/secondreader

go 1.25.8

require github.com/moov-io/ach v1.63.3
