# SPDX-License-Identifier: Apache-2.0
# what: ffmpeg: generated pictures and sound encoded and decoded with one thread and with several, filters, containers, pipes; digests of each frame
# packages: ffmpeg
# limit: 300
# shellcheck shell=bash
units() { echo video audio filters containers pipes; }
prepare() { :; }
ff() { ffmpeg -nostdin -v error -y -bitexact "$@"; }
# The result of a stream is the digest of what each of its decoded frames is.
frames() { ff "$@" -f framemd5 -; }
run() {
	local video=(-f lavfi -i testsrc2=size=320x240:rate=25:duration=2) audio=(-f lavfi -i "sine=frequency=440:duration=3,aformat=channel_layouts=stereo")
	case $1 in
	video)
		local codec threads
		digest "source" frames "${video[@]}"
		for codec in mpeg4 mpeg2video mjpeg ffv1 huffyuv libx264 libx265 libvpx libvpx-vp9 libtheora png gif; do
			for threads in 1 $([ $codec = mjpeg ] || echo 4); do # (mjpeg by several is not the same twice)
				check "$codec, $threads threads" ff "${video[@]}" -t 1 -pix_fmt "$([ $codec = gif ] && echo rgb8 || { [ $codec = png ] && echo rgb24 || { [ $codec = mjpeg ] && echo yuvj420p || echo yuv420p; }; })" \
					-c:v $codec -threads $threads -flags +bitexact -g 12 $codec.$threads.mkv
				digest "$codec, $threads threads: decoded by 1" frames -threads 1 -i $codec.$threads.mkv
				digest "$codec, $threads threads: decoded by 4" frames -threads 4 -i $codec.$threads.mkv
			done
		done
		;;
	audio)
		for codec in pcm_s16le flac alac aac libmp3lame libvorbis libopus ac3 wavpack; do
			check "$codec" ff "${audio[@]}" -c:a $codec -strict -2 $codec.mka
			digest "$codec: decoded" frames -i $codec.mka
		done
		;;
	filters)
		for filter in scale=160:120 hflip,vflip rotate=0.3 boxblur=3 eq=contrast=1.5 edgedetect transpose=1 "split[a][b];[a]hue=s=0[c];[b][c]blend=all_mode=average" minterpolate=fps=50:mi_mode=blend drawgrid nlmeans; do
			digest "$filter" frames "${video[@]}" -t 1 -filter_complex_threads 2 -filter_complex "$filter"
		done
		for filter in volume=0.5 atempo=1.5 "aecho=0.8:0.88:60:0.4" aresample=22050 loudnorm; do
			digest "$filter" frames "${audio[@]}" -af "$filter"
		done
		;;
	containers)
		ff "${video[@]}" "${audio[@]}" -t 2 -c:v mpeg4 -c:a flac -strict -2 a.mkv
		for format in mp4 avi mov nut mpegts flv; do
			check "to $format" ff -i a.mkv -c:v copy -c:a aac -f $format a.$format
			digest "from $format" frames -i a.$format -map 0:v
			digest "ffprobe $format" ffprobe -v error -show_streams -show_format -print_format compact a.$format
		done
		check "segments" ff -i a.mkv -c copy -f segment -segment_time 0.5 s%02d.mkv
		digest "concatenated" sh -c 'for i in s*.mkv; do echo "file $i"; done >list; ffmpeg -nostdin -v error -bitexact -f concat -i list -map 0:v -f framemd5 -'
		check "pictures" ff -i a.mkv -frames:v 10 p%02d.png
		digest "pictures again" frames -framerate 25 -i p%02d.png
		check "seek" ff -ss 1 -i a.mkv -frames:v 1 seek.png
		digest "the picture" frames -i seek.png
		;;
	pipes)
		digest "through a pipe" sh -c 'ffmpeg -nostdin -v error -bitexact -f lavfi -i testsrc=duration=1 -f nut -c:v ffv1 - | ffmpeg -v error -bitexact -i - -f framemd5 -'
		digest "through a FIFO" sh -c 'mkfifo f; ffmpeg -nostdin -v error -y -bitexact -f lavfi -i testsrc=duration=1 -f nut -c:v ffv1 f & ffmpeg -nostdin -v error -bitexact -i f -f framemd5 -; wait'
		digest "over TCP" sh -c 'ffmpeg -nostdin -v error -bitexact -i "tcp://127.0.0.1:34441?listen=1" -f framemd5 - & for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; ffmpeg -nostdin -v error -bitexact -f lavfi -i testsrc=duration=1 -f nut -c:v ffv1 tcp://127.0.0.1:34441 2>/dev/null && break; done; wait'
		check "interrupted" sh -c 'timeout --foreground -s INT 3 ffmpeg -nostdin -v error -re -f lavfi -i testsrc -c:v mpeg4 i.mkv; [ $? = 124 ] && ffprobe -v error i.mkv'
		;;
	esac
}
