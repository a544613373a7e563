"""Audio in: any file, bytes or array becomes float32 mono in [-1, 1] at the rate that is asked for."""

from earwright.audio.read import AudioInfo, audio_info, from_array, read_audio, stream_audio

__all__ = ["AudioInfo", "audio_info", "from_array", "read_audio", "stream_audio"]
